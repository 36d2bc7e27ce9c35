//! Who connects by a connection string.

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// Passwords of fewer characters are not looked for in texts: nobody could read what is left.
const MIN_HIDDEN_CHARS: usize = 4;

/// A role and its password.
#[derive(Debug)]
pub struct Login {
    url: SecretString,
    user: String,
    password: Option<SecretString>,
}

impl Login {
    /// Reads a URL as sqlx does: user and password stand before the host, or in the query. None if it cannot be read or names nobody.
    pub fn of_url(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let decoded = |part: &str| Some(percent_decode_str(part).decode_utf8().ok()?.into_owned());
        let (mut user, mut password) = (decoded(url.username())?, url.password().and_then(decoded));
        for (name, value) in url.query_pairs() {
            match &*name {
                "user" => user = value.into_owned(),
                "password" => password = Some(value.into_owned()),
                _ => {}
            }
        }
        // Postgres takes no empty password.
        let password = password.filter(|password| !password.is_empty()).map(SecretString::from);
        (!user.is_empty()).then(|| Self { url: text.to_owned().into(), user, password })
    }

    /// The role.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The whole connection string.
    pub(crate) fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// None: it connects without one, by a certificate say.
    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_ref().map(|password| password.expose_secret())
    }

    /// What must not be shown: the password as it is, and as it stands in the URL.
    pub(crate) fn hidden(&self) -> Vec<String> {
        let url = Url::parse(self.url()).ok();
        let written = url.as_ref().and_then(Url::password).map(str::to_owned);
        let both = self.password().map(str::to_owned).into_iter().chain(written);
        both.filter(|password| password.chars().count() >= MIN_HIDDEN_CHARS).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_read_as_sqlx_reads_them() {
        for (url, user, password) in [
            ("postgres://app@db/runplane", "app", None),
            ("postgres://app:@db/runplane", "app", None),
            ("postgres://a%22p:p%40ss%3Aword@db:5432/runplane?sslmode=require", "a\"p", Some("p@ss:word")),
            ("postgres://db/runplane?user=app&password=p%26w", "app", Some("p&w")),
        ] {
            let login = Login::of_url(url).unwrap();
            assert_eq!((login.user(), login.password()), (user, password), "{url}");
        }
        assert!(Login::of_url("postgres://db/runplane").is_none());
        assert!(Login::of_url("db").is_none());
    }
}
