//! The API key: where it comes from, and where it may go.

use reqwest::header::HeaderValue;

use super::base::Base;
use crate::args::Access;
use crate::failure::Failure;

/// The variable that has the key itself.
const VARIABLE: &str = "RUNPLANE_API_KEY";

/// What `Authorization` says, which is shown nowhere; None: there is no key.
///
/// # Errors
/// [`Failure::Usage`] if there is one that cannot be used, or that could be read on its way to the API. It does not repeat the key.
pub(super) fn authorization(access: &Access, base: &Base) -> Result<Option<HeaderValue>, Failure> {
    let Some((key, from)) = given(access)? else { return Ok(None) };
    let key = key.trim();
    // A token of an issuer will do as well: what it looks like is for the API to say.
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::Usage(format!("{from} has no API key: it has to be one line without spaces")));
    }
    if base.is_plain() && !base.is_this_machine() && !access.allow_plain_http {
        let sentence = "the API key is not sent over http:// to another machine, since it could be read on the way: give an https:// URL, or in a \
                        network of your own --allow-plain-http";
        return Err(Failure::Usage(sentence.to_owned()));
    }
    let value = HeaderValue::try_from(format!("Bearer {key}"));
    let mut value = value.map_err(|_| Failure::Usage(format!("{from} has no API key")))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// The key, and what it was found in. A file that was named comes before the variable.
fn given(access: &Access) -> Result<Option<(String, String)>, Failure> {
    if let Some(file) = access.api_key_file() {
        let from = file.display().to_string();
        let text = std::fs::read_to_string(file);
        let text =
            text.map_err(|error| Failure::Usage(format!("cannot read the API key in {from}: {error}")))?;
        return Ok(Some((text, from)));
    }
    match std::env::var(VARIABLE) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some((text, VARIABLE.to_owned()))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::Usage(format!("{VARIABLE} has no API key"))),
    }
}
