//! Why a file about AWS's side cannot be used for a diagnosis.

use std::path::PathBuf;

use crate::admission::policy::PolicyError;

/// A file that is not what its option is for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoctorError {
    /// A member has a value that it cannot have.
    #[error("{path}: {member} cannot be used: {reason}")]
    Member {
        /// The file.
        path: PathBuf,
        /// Which member.
        member: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// It is something else.
    #[error("{path} is not what '{command}' prints: {reason}")]
    NotPrinted {
        /// The file.
        path: PathBuf,
        /// The command of the AWS CLI.
        command: &'static str,
        /// What is missing.
        reason: String,
    },
    /// It holds no trust policy.
    #[error("{path} holds no trust policy")]
    Policy {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: PolicyError,
    },
}

pub(super) fn hint_doctor(error: &DoctorError) -> String {
    match error {
        DoctorError::Member { .. } => {
            "fetch it again with the AWS CLI, and do not edit it".to_owned()
        }
        DoctorError::NotPrinted { command, .. } => {
            format!("write it with: {command} --output json >FILE")
        }
        DoctorError::Policy { .. } => {
            "write it with: aws iam get-role --role-name NAME --query Role.AssumeRolePolicyDocument --output json >FILE".to_owned()
        }
    }
}
