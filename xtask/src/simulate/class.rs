//! Instance classes of RDS for Postgres, from small to large.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// As RDS calls it.
    pub name: &'static str,
    /// What works on statements at a time.
    pub cores: u32,
    /// GiB.
    pub memory: u32,
}

/// Without the burstable ones, which have their cores for a part of the time only.
pub const CLASSES: [Class; 8] = [
    Class { name: "db.r8g.large", cores: 2, memory: 16 },
    Class { name: "db.r8g.xlarge", cores: 4, memory: 32 },
    Class { name: "db.r8g.2xlarge", cores: 8, memory: 64 },
    Class { name: "db.r8g.4xlarge", cores: 16, memory: 128 },
    Class { name: "db.r8g.8xlarge", cores: 32, memory: 256 },
    Class { name: "db.r8g.12xlarge", cores: 48, memory: 384 },
    Class { name: "db.r8g.16xlarge", cores: 64, memory: 512 },
    Class { name: "db.r8g.24xlarge", cores: 96, memory: 768 },
];

impl Class {
    /// RDS's default of `max_connections`: `LEAST({DBInstanceClassMemory/9531392}, 5000)`.
    pub fn connections(self) -> u32 {
        let bytes = u64::from(self.memory) << 30;
        u32::try_from(bytes / 9_531_392).unwrap_or(u32::MAX).min(5000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_follow_memory_up_to_five_thousand() {
        assert_eq!(CLASSES[0].connections(), 1802);
        assert_eq!(CLASSES[2].connections(), 5000);
        assert!(CLASSES.windows(2).all(|pair| pair[0].cores < pair[1].cores));
    }
}
