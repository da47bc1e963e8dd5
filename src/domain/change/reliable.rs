//! The Jacobson–Truax reliable change index from a norm sample's spread and reliability.
//!
//! Not here: the published limits definitions carry; those are stated, not computed.

/// The two-sided 95 % point of the normal distribution. Jacobson and Truax round it to 1.96.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// The spread and reliability of a norm sample, checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reliability {
    sd: f64,
    coefficient: f64,
}

/// Why a norm sample is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReliabilityFault {
    /// The standard deviation is not a number above zero.
    Spread,
    /// The reliability is not at least 0 and below 1.
    Coefficient,
}

impl std::fmt::Display for ReliabilityFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Spread => "the standard deviation must be a number above 0",
            Self::Coefficient => "the reliability must be at least 0 and below 1",
        })
    }
}

impl std::error::Error for ReliabilityFault {}

impl Reliability {
    /// `sd` in points of the scale, `coefficient` test–retest or internal consistency.
    ///
    /// # Errors
    /// [`ReliabilityFault`] when either is out of range.
    pub fn new(sd: f64, coefficient: f64) -> Result<Self, ReliabilityFault> {
        if !(sd.is_finite() && sd > 0.0) {
            return Err(ReliabilityFault::Spread);
        }
        if !(0.0..1.0).contains(&coefficient) {
            return Err(ReliabilityFault::Coefficient);
        }
        Ok(Self { sd, coefficient })
    }

    /// The standard error of measurement, `SD · sqrt(1 − r)`, in points.
    #[must_use]
    pub fn standard_error(self) -> f64 {
        self.sd * (1.0 - self.coefficient).sqrt()
    }

    /// The standard error of a difference of two scores, `sqrt(2) · SEM`, in points.
    #[must_use]
    pub fn standard_error_of_difference(self) -> f64 {
        std::f64::consts::SQRT_2 * self.standard_error()
    }

    /// The reliable change index of two scores: their difference in standard errors (Jacobson & Truax 1991,
    /// J Consult Clin Psychol 59:12–19). Beyond ±`z` it is more than measurement error.
    #[must_use]
    pub fn index(self, first: f64, last: f64) -> f64 {
        (last - first) / self.standard_error_of_difference()
    }

    /// The change, in points, that equals an index of `z` ([`Z_95`] for 95 %).
    #[must_use]
    pub fn points_at(self, z: f64) -> f64 {
        z * self.standard_error_of_difference()
    }
}
