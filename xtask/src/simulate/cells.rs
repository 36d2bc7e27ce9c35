//! Tenants over several cells, each a stack with a Postgres of its own. Few tenants have most of the runs: that decides how full the
//! fullest cell gets.

use fastrand::Rng;

/// Tenants, of which the n-th has 1/n of what the first has.
const TENANTS: usize = 1000;

/// How tenants come to their cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// Wherever a hash says.
    ByHash,
    /// The larger ones first, each where least is.
    BySize,
}

/// The share of all runs that the fullest of so many cells has.
pub fn fullest(cells: usize, placing: Placing, seed: u64) -> f64 {
    let all: f64 = (1..=TENANTS).map(|n| 1.0 / n as f64).sum();
    let (mut random, mut shares) = (Rng::with_seed(seed), vec![0.0_f64; cells]);
    for n in 1..=TENANTS {
        let cell = match placing {
            Placing::ByHash => random.usize(..cells),
            Placing::BySize => (0..cells).min_by(|a, b| shares[*a].total_cmp(&shares[*b])).unwrap_or(0),
        };
        shares[cell] += 1.0 / n as f64 / all;
    }
    shares.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cell_has_everything_and_placing_by_size_is_even_as_long_as_nobody_is_too_large() {
        assert!((fullest(1, Placing::ByHash, 1) - 1.0).abs() < 1e-9);
        assert!((fullest(4, Placing::BySize, 1) - 0.25).abs() < 0.01);
        // The largest tenant has 13 % of all runs, wherever it is.
        assert!(fullest(16, Placing::BySize, 1) > 0.13);
        assert!(fullest(4, Placing::ByHash, 1) > 0.26);
    }
}
