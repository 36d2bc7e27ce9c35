//! Where the API is.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use reqwest::Url;

use crate::failure::Failure;

/// All but the unreserved characters of RFC 3986: it is then the same text to whoever reads a `+` as a space and to whoever does not.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The base URL of an API.
#[derive(Clone, Debug)]
pub(super) struct Base(Url);

impl Base {
    /// A URL with a host and a path, and nothing else.
    ///
    /// # Errors
    /// [`Failure::Usage`]. It does not repeat the URL: one with a password would end up in logs.
    pub fn new(url: Url) -> Result<Self, Failure> {
        let wrong = if !matches!(url.scheme(), "http" | "https") {
            "has to begin with http:// or https://"
        } else if !url.username().is_empty() || url.password().is_some() {
            "must not have a user name or a password"
        } else if url.query().is_some() || url.fragment().is_some() {
            "has to end with its path"
        } else {
            return Ok(Self(url));
        };
        Err(Failure::Usage(format!("the URL of the API {wrong}")))
    }

    /// The URL of a path below it, with a query.
    pub fn url(&self, path: &str, query: &[(String, String)]) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        if !query.is_empty() {
            let pairs = query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
            url.set_query(Some(&pairs.collect::<Vec<_>>().join("&")));
        }
        url
    }

    /// Whether what is sent there can be read on the way.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Whether it leads to this machine. No proxy can know what runs here.
    pub fn is_this_machine(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl std::fmt::Display for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(url: &str) -> Result<Base, Failure> {
        Base::new(url.parse().unwrap())
    }

    #[test]
    fn a_base_url_has_nothing_but_host_and_path() {
        assert!(base("https://abc.execute-api.eu-west-1.amazonaws.com/prod/").is_ok());
        for wrong in ["localhost:8000", "ftp://a", "http://me:secret@a", "http://a/?x=1", "http://a/#x"] {
            let fault = base(wrong).unwrap_err().to_string();
            assert!(!fault.contains("secret"), "{fault}");
        }
    }

    #[test]
    fn paths_go_below_it_and_queries_say_what_they_say() {
        let query = [("label.a b".to_owned(), "x+y&ä~*".to_owned()), ("n".to_owned(), String::new())];
        let expected = "http://a/prod/api/runs?label.a%20b=x%2By%26%C3%A4~%2A&n=";
        for url in ["http://a/prod", "http://a/prod/"] {
            assert_eq!(base(url).unwrap().url("/api/runs", &query).as_str(), expected);
        }
        assert_eq!(base("http://a").unwrap().url("/api/runs", &[]).as_str(), "http://a/api/runs");
    }

    #[test]
    fn only_this_machine_is_spoken_to_without_a_proxy() {
        let here = |url: &str| base(url).unwrap().is_this_machine();
        assert!(here("http://127.0.0.1:8000") && here("http://localhost") && here("http://[::1]:1"));
        assert!(!here("http://10.0.0.1") && !here("https://localhost.example.com"));
    }
}
