//! One renewal, step by step. Every step is on disk before the next one begins, so
//! that a run that dies is gone on from; and until the last one the old version is
//! in force.

use chrono::{DateTime, Utc};

use crate::clock::whole_seconds;
use crate::key::{self, Signer, SoftwareKey, generate};
use crate::pki::{Certificate, CertificateRequest, encode_pem};
use crate::secret::Secret;
use crate::store::VersionNumber;

use super::answer::{Answer, Asked, Flaw};
use super::bearing::Bearing;
use super::hooks::{When, Which};
use super::issuer::{IssuerFailure, Word};
use super::owing::told;
use super::probe::Verdict;
use super::rotation::Rotation;
use super::schedule::Life;
use super::shelf::{Pair, Part};
use super::spread::Whose;
use super::standing::Standing;
use super::state::{Next, State, Step};
use super::terms::KeyPolicy;
use super::{Error, KEY_ORIGIN};

/// What stops a renewal.
pub(super) enum Trouble {
    /// The disk.
    Disk(Error),
    /// A step that was not reached.
    Stopped(Stopped),
}

/// Why a step was not reached.
pub(super) struct Stopped {
    pub(super) step: Step,
    pub(super) why: String,
    pub(super) bearing: Bearing,
    /// Whether it was refused, by a CA's policy or by Roles Anywhere.
    pub(super) refused: bool,
    /// Whether what is made so far is of no use to the next run.
    pub(super) spoilt: bool,
}

impl Stopped {
    /// One that may pass; what is made so far is of use.
    const fn passing(step: Step, why: String) -> Self {
        Self {
            step,
            why,
            bearing: Bearing::PASSING,
            refused: false,
            spoilt: false,
        }
    }

    /// One that was refused; what is made so far is of use.
    fn refused(step: Step, why: String) -> Self {
        Self {
            bearing: Bearing::lasting(None),
            refused: true,
            ..Self::passing(step, why)
        }
    }

    /// One after which what is made so far is of no use.
    fn spoilt(step: Step, why: String) -> Self {
        Self {
            bearing: Bearing::lasting(None),
            spoilt: true,
            ..Self::passing(step, why)
        }
    }
}

impl From<Stopped> for Trouble {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Disk(error)
    }
}

/// A renewal under way.
pub(super) struct Making<'a> {
    pub(super) rotation: Rotation<'a>,
    pub(super) state: &'a mut State,
    pub(super) pair: Option<&'a Pair>,
    pub(super) standing: &'a Standing,
    /// Whether somebody asked for it: then it may end sooner than what it replaces.
    pub(super) forced: bool,
    pub(super) notes: &'a mut Vec<String>,
}

impl Making<'_> {
    /// Goes on with what a run before has begun, or begins, and carries it through
    /// to the switch.
    pub(super) fn carry_out(&mut self) -> Result<(), Trouble> {
        let mut next = match self.state.next.take() {
            Some(next) if self.is_of_use(&next)? => Next {
                // What was made of the key and of the answer is made again: names and
                // files may be others since.
                step: match next.step {
                    Step::Requested => Step::Keyed,
                    Step::Verified => Step::Staged,
                    step => step,
                },
                ..next
            },
            begun => self.begin(begun)?,
        };
        self.state.next = Some(next.clone());
        loop {
            let number = next.number();
            let reached = match next.step {
                Step::Due => self.make_key(number, &mut next)?,
                Step::Keyed => self.make_request(number)?,
                Step::Requested => self.ask(number, &mut next)?,
                Step::Staged => self.verify(number, &mut next)?,
                Step::Verified => self.try_out(number)?,
                Step::Probed | Step::Switched | Step::Hooked => return self.switch(number),
            };
            next.step = reached;
            self.state
                .refusal
                .take_if(|refusal| refusal.step <= reached);
            self.state.next = Some(next.clone());
            self.rotation.shelf.keep(self.state)?;
        }
    }

    /// Begins anew: nothing of what was begun before is used.
    fn begin(&mut self, begun: Option<Next>) -> Result<Next, Trouble> {
        let shelf = self.rotation.shelf;
        let newest = shelf.newest()?;
        let now = self.now();
        let replaced = self.standing.certificate.as_ref();
        let next = Next {
            version: self.state.number_after(newest).get(),
            step: Step::Due,
            begun: now,
            key_made: now,
            obtained: None,
            issuer_not_after: None,
            replaces: replaced.map(|found| found.serial().hex()),
        };
        // In this order: what is discarded must not be gone on from.
        self.state.next = None;
        shelf.keep(self.state)?;
        shelf.discard(begun.as_ref().map(Next::number))?;
        Ok(next)
    }

    /// Whether a version that was begun can be gone on with: it was begun for what
    /// is in force now, its key is of the type that is wanted, and a certificate
    /// that is there already is still what is asked for and not due itself.
    fn is_of_use(&mut self, next: &Next) -> Result<bool, Trouble> {
        let number = next.number();
        let in_force = self.pair.map(|pair| pair.number);
        if in_force.is_some_and(|in_force| number <= in_force) {
            return Ok(false);
        }
        if next.step == Step::Due {
            return Ok(true);
        }
        let Ok(key) = self.key(number) else {
            return Ok(false);
        };
        let is_wanted = key.public_key().algorithm() == self.rotation.terms.key_type.algorithm();
        let is_reused = matches!(self.rotation.terms.keys, KeyPolicy::Reuse(_));
        if !(is_wanted || is_reused) {
            return Ok(false);
        }
        if next.step < Step::Staged {
            return Ok(true);
        }
        let Ok(answer) = self.judge(number, &key)? else {
            return Ok(false);
        };
        let obtained = next.obtained.unwrap_or(next.begun);
        Ok(!self.is_due(&answer, obtained))
    }

    /// Whether a certificate that was obtained and never used is due itself.
    fn is_due(&self, answer: &Answer, obtained: DateTime<Utc>) -> bool {
        let life = Life {
            obtained,
            not_after: answer.leaf.not_after(),
            issuer_not_after: Some(answer.issuer_not_after),
        };
        let whose = Whose {
            serial: Some(answer.leaf.serial()),
            host: &self.rotation.terms.host,
        };
        let due = life.due(self.rotation.terms.rule, &whose);
        due.urgency(self.now()).is_due()
    }

    fn make_key(&self, number: VersionNumber, next: &mut Next) -> Result<Step, Trouble> {
        let reused = self.reusable_key();
        let pem = match reused {
            Some((key, made)) => {
                next.key_made = made;
                key.copy()
            }
            None => {
                next.key_made = self.now();
                generate(self.rotation.terms.key_type, KEY_ORIGIN)
                    .map_err(Error::Key)?
                    .to_pem()
            }
        };
        self.rotation.shelf.put(number, Part::Key, pem.expose())?;
        Ok(Step::Keyed)
    }

    /// The key in force, where it is to be used again.
    fn reusable_key(&self) -> Option<(&Secret, DateTime<Utc>)> {
        let KeyPolicy::Reuse(limit) = self.rotation.terms.keys else {
            return None;
        };
        // It may be the key that is in other hands.
        let pair = self.pair.filter(|_| self.standing.word != Word::Revoked)?;
        let known = self.state.in_force.as_ref();
        let known = known.filter(|known| known.version == pair.number.get());
        let made = match (known, &self.standing.certificate) {
            (Some(known), _) => known.key_made,
            (None, Some(certificate)) => certificate.not_before(),
            (None, None) => return None,
        };
        // One from the future was made by a clock that was wrong.
        let is_too_old = limit.is_some_and(|limit| made > self.now() || self.now() - made >= limit);
        // One that cannot be read cannot be used again either.
        let key = read_key(pair.key.expose()).ok()?;
        let is_wanted = key.public_key().algorithm() == self.rotation.terms.key_type.algorithm();
        (is_wanted && !is_too_old).then_some((&pair.key, made))
    }

    fn make_request(&self, number: VersionNumber) -> Result<Step, Trouble> {
        let key = self.key(number)?;
        let terms = self.rotation.terms;
        let request = CertificateRequest::of_workload(&terms.subject(), &terms.names, &key)
            .map_err(Error::Pki)?;
        let shelf = self.rotation.shelf;
        shelf.put(number, Part::Request, request.to_pem().as_bytes())?;
        Ok(Step::Requested)
    }

    /// Sends the request.
    fn ask(&self, number: VersionNumber, next: &mut Next) -> Result<Step, Trouble> {
        let request = self.part(number, Part::Request)?;
        let request = String::from_utf8_lossy(request.expose()).into_owned();
        let answer = self.rotation.issuer.issue(&request).map_err(|failure| {
            let why = failure.to_string();
            match failure.bearing() {
                Bearing::PASSING => Stopped::passing(Step::Staged, why),
                // It may be the key that is refused: the next try has another.
                bearing => Stopped {
                    bearing,
                    refused: matches!(failure, IssuerFailure::Refused { .. }),
                    ..Stopped::spoilt(Step::Staged, why)
                },
            }
        })?;
        next.obtained = Some(self.now());
        self.rotation.shelf.put(number, Part::Answer, &answer)?;
        Ok(Step::Staged)
    }

    fn verify(&self, number: VersionNumber, next: &mut Next) -> Result<Step, Trouble> {
        let key = self.key(number)?;
        let answer = self.judge(number, &key)?.map_err(|flaw| {
            let why = format!("{} answered with something else: {flaw}", self.issuer());
            Stopped::spoilt(Step::Verified, why)
        })?;
        let fullchain: Vec<&Certificate> =
            std::iter::once(&answer.leaf).chain(&answer.chain).collect();
        for (part, certificates) in [
            (Part::Certificate, vec![&answer.leaf]),
            (Part::Chain, answer.chain.iter().collect()),
            (Part::Fullchain, fullchain),
        ] {
            let content = encode_pem(certificates);
            self.rotation.shelf.put(number, part, content.as_bytes())?;
        }
        next.issuer_not_after = Some(answer.issuer_not_after);
        Ok(Step::Verified)
    }

    fn judge(
        &self,
        number: VersionNumber,
        key: &SoftwareKey,
    ) -> Result<Result<Answer, Flaw>, Error> {
        let content = self.part(number, Part::Answer)?;
        let asked = Asked {
            key: key.public_key(),
            terms: self.rotation.terms,
            in_force: self.standing.certificate.as_ref(),
            may_end_sooner: self.forced,
            at: self.now(),
        };
        Ok(asked.judge(content.expose()))
    }

    /// Asks for a session with the new pair. A refusal always stops it, also one of a
    /// run before that nobody has taken back; else that nobody answers does not when
    /// there is little time left.
    fn try_out(&mut self, number: VersionNumber) -> Result<Step, Trouble> {
        let Some(probe) = self.rotation.probe else {
            return Ok(Step::Probed);
        };
        match probe.probe(&self.made(number)?) {
            Verdict::Granted => Ok(Step::Probed),
            Verdict::Refused(why) => Err(Stopped::refused(Step::Probed, why).into()),
            Verdict::Unreachable(why)
                if self.standing.urgency.is_emergency() && self.state.refusal.is_none() =>
            {
                self.notes
                    .push(format!("the new certificate could not be tried out: {why}"));
                Ok(Step::Probed)
            }
            Verdict::Unreachable(why) => Err(Stopped::passing(Step::Probed, why).into()),
        }
    }

    fn switch(&self, number: VersionNumber) -> Result<(), Trouble> {
        let rotation = self.rotation;
        let answer = self.judge(number, &self.key(number)?)?;
        let pair = self.made(number)?;
        // What another run or hand has put there since is not put in force.
        let is_in =
            |leaf: &Certificate| pair.is_whole() && pair.certificate().as_ref() == Some(leaf);
        let Some(leaf) = answer.ok().map(|answer| answer.leaf).filter(is_in) else {
            let why = "its files are not those that were made".to_owned();
            return Err(Stopped::spoilt(Step::Switched, why).into());
        };
        let before = self.standing.certificate.as_ref();
        let before = before.map(|found| *found.serial());
        let facts = rotation.places.facts(number, &leaf, before);
        let outcomes = rotation.hooks.run(When::Before, Which::All, &facts);
        match outcomes.iter().find(|outcome| outcome.failure.is_some()) {
            Some(failed) => Err(Stopped {
                bearing: failed.bearing.unwrap_or(Bearing::lasting(None)),
                ..Stopped::passing(Step::Switched, told(failed))
            }
            .into()),
            None => Ok(rotation.shelf.switch(number)?),
        }
    }

    /// What was made so far, as it will be in force.
    fn made(&self, number: VersionNumber) -> Result<Pair, Error> {
        Ok(Pair {
            number,
            key: self.part(number, Part::Key)?,
            fullchain: self.part(number, Part::Fullchain)?.expose().to_vec(),
        })
    }

    fn key(&self, number: VersionNumber) -> Result<SoftwareKey, Error> {
        read_key(self.part(number, Part::Key)?.expose())
    }

    /// What has to be there by now.
    fn part(&self, number: VersionNumber, part: Part) -> Result<Secret, Error> {
        let found = self.rotation.shelf.get(number, part)?;
        found.ok_or(Error::Lost { number, part })
    }

    fn issuer(&self) -> String {
        self.rotation.issuer.name()
    }

    fn now(&self) -> DateTime<Utc> {
        whole_seconds(self.rotation.clock.now())
    }
}

fn read_key(pem: &[u8]) -> Result<SoftwareKey, Error> {
    Ok(key::open_software(pem, KEY_ORIGIN, || Ok(None))?)
}
