//! Making a new CA: root and issuing key, their certificates, the inventory,
//! all in one directory that appears whole or not at all.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use ring::rand::SecureRandom;

use crate::key::Cost;
use crate::pki::{Certificate, DistinguishedName, IssuerRef, Kind, encode_pem};
use crate::secret::Secret;
use crate::store::{GenerationRow, GenerationState, Inventory, Staging};

use super::ceremony::{Held, OwnDraft, OwnKey, store_own, subject_of, years_after};
use super::own_key::KeyFiles;
use super::{
    Action, AuthorityName, Error, INVENTORY, Occasion, Role, TRUST_ANCHOR, check_place, subject,
};

/// The organisation that runs the CA; it becomes the `O` of both CA
/// certificates and the beginning of their `CN`. 1 to 50 characters, so that
/// the common names stay within the 64 of RFC 5280.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaName(pub(super) String);

impl FromStr for CaName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        subject::check(text, 50).map(Self)
    }
}

/// What a new CA is to be like.
#[derive(Debug)]
pub struct Bootstrap<'a> {
    /// The organisation.
    pub name: &'a CaName,
    /// The root's key.
    pub root_key: &'a OwnKey,
    /// The issuing CA's.
    pub issuing_key: &'a OwnKey,
    /// Life of the root certificate in years.
    pub root_years: u32,
    /// Life of the issuing certificate in years.
    pub issuing_years: u32,
    /// Encrypts the keys that are made; not needed when none is.
    pub passphrase: Option<&'a Secret>,
    /// Work factor of that encryption.
    pub cost: Cost,
    /// Who makes it, when and why.
    pub occasion: &'a Occasion<'a>,
}

/// What every new CA needs.
#[derive(Clone, Copy, Debug)]
pub struct Founding<'a> {
    /// The organisation.
    pub name: &'a CaName,
    /// Encrypts the keys that are made; not needed when none is.
    pub passphrase: Option<&'a Secret>,
    /// Work factor of that encryption.
    pub cost: Cost,
    /// Who makes it, when and why.
    pub occasion: &'a Occasion<'a>,
}

/// One of the two authorities while it is made.
pub(super) struct Made {
    pub(super) certificate: Certificate,
    key_files: KeyFiles,
}

/// Makes the CA in the directory that `staging` will become, and gives the root
/// and the issuing certificate.
///
/// # Errors
///
/// [`Error`]; the directory is then as it was.
pub fn create(
    staging: Staging,
    plan: &Bootstrap<'_>,
    random: &dyn SecureRandom,
) -> Result<(Certificate, Certificate), Error> {
    check_place(staging.path())?;
    let (root, issuing) = {
        let inventory = Inventory::create(&staging.path().join(INVENTORY))?;
        let root_key = Held::of(plan.root_key, "the new root key")?;
        let issuing_key = Held::of(plan.issuing_key, "the new issuing key")?;
        if root_key.signer().public_key() == issuing_key.signer().public_key() {
            return Err(Error::KeyUnfit {
                origin: issuing_key.signer().origin().to_owned(),
                reason: "it is the key of the root too, and whoever has the one would have both",
            });
        }
        let founding = Founding {
            name: plan.name,
            passphrase: plan.passphrase,
            cost: plan.cost,
            occasion: plan.occasion,
        };
        let ceremony = Ceremony::new(founding, &inventory, random)?;
        let root = ceremony.root(&root_key, plan.root_years)?;
        let issuing = ceremony.issuing(&issuing_key, plan.issuing_years, (&root, &root_key))?;
        ceremony.begin(&root, &issuing)?;
        (root, issuing)
        // The inventory is closed here, which folds its WAL into the file
        // before the directory is renamed.
    };
    for (name, made) in [
        (AuthorityName::ROOT, &root),
        (AuthorityName::ISSUING, &issuing),
    ] {
        made.write(&staging, name)?;
    }
    staging.write(TRUST_ANCHOR, encode_pem([&root.certificate]).as_bytes())?;
    staging.publish()?;
    Ok((root.certificate, issuing.certificate))
}

impl Made {
    /// Puts key and certificate into their directory.
    pub(super) fn write(&self, staging: &Staging, name: AuthorityName) -> Result<(), Error> {
        write_key(staging, name, &self.key_files)?;
        let certificate = encode_pem([&self.certificate]);
        Ok(staging.write(&name.certificate_file(), certificate.as_bytes())?)
    }
}

/// Puts what leads to a key into a directory of its own.
pub(super) fn write_key(
    staging: &Staging,
    name: AuthorityName,
    files: &KeyFiles,
) -> Result<(), Error> {
    staging.create_directory(&name.to_string())?;
    for (file, content) in files {
        staging.write(&format!("{name}/{file}"), content)?;
    }
    Ok(())
}

/// The making of a CA.
pub(super) struct Ceremony<'a> {
    founding: Founding<'a>,
    random: &'a dyn SecureRandom,
    inventory: &'a Inventory,
    instance: u8,
}

impl<'a> Ceremony<'a> {
    /// Begins it in a new inventory.
    pub(super) fn new(
        founding: Founding<'a>,
        inventory: &'a Inventory,
        random: &'a dyn SecureRandom,
    ) -> Result<Self, Error> {
        let mut instance = [0];
        random.fill(&mut instance).map_err(|_| Error::Random)?;
        let ceremony = Self {
            founding,
            random,
            inventory,
            instance: instance[0] & 0x7f,
        };
        ceremony.log_beginning()?;
        Ok(ceremony)
    }

    /// The first entry of the log has something that no other CA's has.
    fn log_beginning(&self) -> Result<(), Error> {
        let mut nonce = [0; 16];
        self.random.fill(&mut nonce).map_err(|_| Error::Random)?;
        let detail = serde_json::json!({
            "name": self.founding.name.0,
            "nonce": hex::encode(nonce),
        });
        let mut writer = self.inventory.write()?;
        self.founding
            .occasion
            .log(&mut writer, Action::Init, None, &detail)?;
        Ok(writer.commit()?)
    }

    pub(super) fn root(&self, key: &Held<'_>, years: u32) -> Result<Made, Error> {
        let subject = subject_of(&self.founding.name.0, Role::Root, 1);
        let not_after = years_after(self.founding.occasion.at, years, "the root")?;
        self.make(key, (subject.clone(), Kind::Root, not_after), &subject, key)
    }

    fn issuing(
        &self,
        key: &Held<'_>,
        years: u32,
        (root, root_key): (&Made, &Held<'_>),
    ) -> Result<Made, Error> {
        let root = &root.certificate;
        let subject = subject_of(&self.founding.name.0, Role::Issuing, 1);
        let not_after = years_after(self.founding.occasion.at, years, "the issuing CA")?;
        let not_after = not_after.min(root.not_after());
        let what = (subject, Kind::Issuing, not_after);
        self.make(key, what, root.subject(), root_key)
    }

    /// Reserves, signs and stores one certificate, and encrypts its key if it is
    /// a new one.
    fn make(
        &self,
        key: &Held<'_>,
        (subject, kind, not_after): (DistinguishedName, Kind, DateTime<Utc>),
        issuer: &DistinguishedName,
        issuer_key: &Held<'_>,
    ) -> Result<Made, Error> {
        let occasion = self.founding.occasion;
        let draft = OwnDraft::new(
            subject,
            key.signer().public_key(),
            (kind, not_after),
            occasion.at,
            (self.random, self.instance),
        )?;
        let key_identifier = issuer_key.signer().public_key().key_identifier();
        let mut writer = self.inventory.write()?;
        draft.reserve(&key_identifier, &writer, occasion)?;
        let issuer = IssuerRef {
            name: issuer,
            signer: issuer_key.signer(),
            key_identifier: &key_identifier,
        };
        let certificate = draft.sign(&issuer, occasion.at)?;
        store_own(&certificate, &mut writer, occasion)?;
        writer.commit()?;
        Ok(Made {
            certificate,
            key_files: key.files(self.founding.passphrase, self.founding.cost)?,
        })
    }

    /// The two are the first generation.
    fn begin(&self, root: &Made, issuing: &Made) -> Result<(), Error> {
        let at = Some(self.founding.occasion.at);
        let serial = |made: &Made| Some(made.certificate.serial().magnitude().to_vec());
        let writer = self.inventory.write()?;
        writer.add_generation(&GenerationRow {
            number: 1,
            state: GenerationState::Active,
            root: AuthorityName::ROOT.to_string(),
            issuing: AuthorityName::ISSUING.to_string(),
            root_serial: serial(root),
            issuing_serial: serial(issuing),
            prepared_at: at,
            activated_at: at,
            retired_at: None,
        })?;
        Ok(writer.commit()?)
    }
}
