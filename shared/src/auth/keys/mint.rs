//! A key of random numbers.

use uuid::Uuid;

use crate::auth::{ApiKey, SECRET_BYTES};

/// Makes a key, which nobody knows yet. Its secret is from the random numbers of the operating system.
///
/// # Errors
/// [`getrandom::Error`] if there are none.
pub fn mint() -> Result<ApiKey, getrandom::Error> {
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret)?;
    Ok(ApiKey::new(Uuid::now_v7(), secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_keys_are_alike_and_none_is_shown_by_accident() {
        let (one, other) = (mint().unwrap(), mint().unwrap());
        assert_ne!((one.id, one.digest()), (other.id, other.digest()));
        let text = one.text();
        let read = ApiKey::parse(&text).unwrap();
        assert_eq!((read.id, read.digest()), (one.id, one.digest()));
        assert!(!format!("{one:?}").contains(&text["rp_".len() + 33..]));
        assert_eq!(one.id.get_version_num(), 7);
    }
}
