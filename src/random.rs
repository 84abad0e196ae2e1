//! Randomness of the operating system.

use ring::rand::{SecureRandom, SystemRandom};

/// So many random octets; `None` when the operating system gives none.
#[must_use]
pub fn octets<const N: usize>() -> Option<[u8; N]> {
    let mut octets = [0; N];
    SystemRandom::new().fill(&mut octets).ok()?;
    Some(octets)
}

/// A random number from 0 to 1, for spreading pauses: nothing secret may come of
/// it. Without randomness it is the middle.
#[must_use]
pub fn fraction() -> f64 {
    octets().map_or(0.5, |octets| {
        f64::from(u32::from_ne_bytes(octets)) / f64::from(u32::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_alike_and_fractions_lie_between_0_and_1() {
        assert_ne!(octets::<16>(), octets::<16>());
        let fractions: Vec<f64> = (0..100).map(|_| fraction()).collect();
        assert!(
            fractions
                .iter()
                .all(|fraction| (0.0..=1.0).contains(fraction))
        );
        assert!(fractions.iter().any(|fraction| *fraction < 0.5));
        assert!(fractions.iter().any(|fraction| *fraction > 0.5));
    }
}
