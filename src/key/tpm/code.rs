//! What a TPM's response codes mean, in words (TCG TPM 2.0 Library, part 2,
//! 6.6; the bits of a code: part 2, 6.6.2 and part 1, chapter "Response Code").

pub(super) const SUCCESS: u32 = 0;
pub(super) const INTEGRITY: u32 = 0x09f;
pub(super) const HANDLE: u32 = 0x08b;
pub(super) const AUTH_FAIL: u32 = 0x08e;
pub(super) const BAD_AUTH: u32 = 0x0a2;
pub(super) const REFERENCE_H0: u32 = 0x910;
pub(super) const LOCKOUT: u32 = 0x921;

const BAD_TAG: u32 = 0x01e;
const YIELDED: u32 = 0x908;
const TESTING: u32 = 0x90a;
const NV_RATE: u32 = 0x920;
const RETRY: u32 = 0x922;

/// The code without the number of the handle, parameter or session that it
/// speaks of: bit 7 marks the codes that hold one, in bit 6 and bits 8 to 11.
/// Above twelve bits stands the layer that answered, which is the kernel's
/// resource manager for commands that it does not pass on.
pub(super) const fn base(code: u32) -> u32 {
    if code & 0x80 == 0 {
        code & 0xfff
    } else {
        code & 0x0bf
    }
}

/// Whether the same command may succeed when it is sent again.
pub(super) const fn is_passing(code: u32) -> bool {
    matches!(code, NV_RATE | RETRY | TESTING | YIELDED)
}

/// The code's meaning.
pub(super) const fn words(code: u32) -> &'static str {
    match base(code) {
        BAD_TAG => "it does not understand TPM 2.0 commands: is it a TPM 1.2?",
        0x082 => "an attribute of the key forbids it (TPM_RC_ATTRIBUTES)",
        0x083 => "it does not know the hash algorithm (TPM_RC_HASH)",
        0x084 => "a value is out of range (TPM_RC_VALUE)",
        0x085 => "the hierarchy is disabled (TPM_RC_HIERARCHY)",
        0x087 => "it does not have keys of this size (TPM_RC_KEY_SIZE)",
        0x08a => "the key is of another type (TPM_RC_TYPE)",
        HANDLE => "there is nothing at the handle (TPM_RC_HANDLE)",
        AUTH_FAIL => "the authorization is wrong, and was counted (TPM_RC_AUTH_FAIL)",
        0x092 => "the key does not sign with this scheme (TPM_RC_SCHEME)",
        0x095 => "a part has the wrong length (TPM_RC_SIZE)",
        0x096 => "the symmetric algorithm is wrong (TPM_RC_SYMMETRIC)",
        0x098 => "it does not know a selector (TPM_RC_SELECTOR)",
        0x09a => "a part ends too early (TPM_RC_INSUFFICIENT)",
        0x09c => "this key cannot be used for it (TPM_RC_KEY)",
        0x09d => "the policy is not fulfilled (TPM_RC_POLICY_FAIL)",
        INTEGRITY => "it is not bound to this TPM and parent (TPM_RC_INTEGRITY)",
        0x0a0 => "it does not take the ticket (TPM_RC_TICKET)",
        BAD_AUTH => "the authorization is wrong (TPM_RC_BAD_AUTH)",
        0x0a5 => "public and private part do not belong together (TPM_RC_BINDING)",
        0x0a6 => "it does not have this curve (TPM_RC_CURVE)",
        0x100 => "it has not been started by the firmware or the kernel (TPM_RC_INITIALIZE)",
        0x101 => "it is in failure mode until the next reset (TPM_RC_FAILURE)",
        0x120 => "the command is disabled (TPM_RC_DISABLED)",
        0x126 => "the policy is not fulfilled (TPM_RC_POLICY)",
        0x12f => "the key is not used with a password (TPM_RC_AUTH_UNAVAILABLE)",
        0x142 => "the command has the wrong length (TPM_RC_COMMAND_SIZE)",
        0x143 => "it does not have this command (TPM_RC_COMMAND_CODE)",
        0x901 => "it has no free context slot (TPM_RC_CONTEXT_GAP)",
        0x902 => "other programs' keys fill its memory (TPM_RC_OBJECT_MEMORY)",
        0x903 => "other programs' sessions fill its memory (TPM_RC_SESSION_MEMORY)",
        0x904 => "its memory is full (TPM_RC_MEMORY)",
        0x905 => "other programs hold all its sessions (TPM_RC_SESSION_HANDLES)",
        0x906 => "other programs hold all its key handles (TPM_RC_OBJECT_HANDLES)",
        YIELDED => "it was interrupted, again and again (TPM_RC_YIELDED)",
        TESTING => "it tests itself without end (TPM_RC_TESTING)",
        REFERENCE_H0 => "there is nothing at the handle (TPM_RC_REFERENCE_H0)",
        NV_RATE => "it limits the rate of commands (TPM_RC_NV_RATE)",
        LOCKOUT => "it takes no passwords after too many wrong ones (TPM_RC_LOCKOUT)",
        RETRY => "it was busy, again and again (TPM_RC_RETRY)",
        0x923 => "its memory cannot be written now (TPM_RC_NV_UNAVAILABLE)",
        _ => "a reason that has no words here",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_handle_parameter_or_session_is_taken_off() {
        // As tpm2_rc_decode explains them.
        assert_eq!(base(0x98e), AUTH_FAIL);
        assert_eq!(base(0x9a2), BAD_AUTH);
        assert_eq!(base(0x1df), INTEGRITY);
        assert_eq!(base(0x18b), HANDLE);
        assert_eq!(base(0x921), LOCKOUT);
        assert_eq!(base(0x922), RETRY);
        assert_eq!(base(0x101), 0x101);
        assert_eq!(base(0x000b_0143), 0x143);
    }

    #[test]
    fn only_passing_states_are_tried_again() {
        assert!(is_passing(0x922) && is_passing(0x908) && is_passing(0x90a));
        assert!(!is_passing(LOCKOUT) && !is_passing(0x101) && !is_passing(SUCCESS));
    }
}
