//! What is counted over many hosts.

use super::world::Moment;

/// How many moments fall into each of `count` parts of a span; those outside of it
/// are not counted.
pub fn histogram(
    moments: impl IntoIterator<Item = Moment>,
    from: Moment,
    width: Moment,
    count: usize,
) -> Vec<usize> {
    let mut parts = vec![0; count];
    for moment in moments {
        let part = usize::try_from((moment - from).div_euclid(width)).ok();
        if let Some(part) = part.and_then(|part| parts.get_mut(part)) {
            *part += 1;
        }
    }
    parts
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// The largest part, as a multiple of the mean.
pub fn peak(parts: &[usize]) -> f64 {
    let most = parts.iter().max().copied().unwrap_or(0);
    float(most) * float(parts.len()) / float(parts.iter().sum())
}

/// Pearson's statistic against parts that are all the same.
pub fn chi_square(parts: &[usize]) -> f64 {
    let mean = float(parts.iter().sum()) / float(parts.len());
    let square = |part: &usize| (float(*part) - mean).powi(2) / mean;
    parts.iter().map(square).sum()
}

/// In which time nine tenths of the moments lie, without the twentieths at either
/// end.
pub fn width(mut moments: Vec<Moment>) -> Moment {
    moments.sort_unstable();
    let at = |part: usize| moments[(moments.len() - 1) * part / 20];
    at(19) - at(1)
}

/// One line for each part, as long as it is large.
pub fn drawn(parts: &[usize], label: impl Fn(usize) -> String) -> String {
    let most = parts.iter().max().copied().unwrap_or(1).max(1);
    let line = |(part, count): (usize, &usize)| {
        let bar = "#".repeat(count * 50 / most);
        format!("{:>12} {count:>6} {bar}\n", label(part))
    };
    parts.iter().enumerate().map(line).collect()
}
