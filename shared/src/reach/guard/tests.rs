use std::sync::Mutex;

use super::*;

/// Gives one answer after the other.
#[derive(Debug)]
struct Answers(Mutex<Vec<io::Result<Vec<IpAddr>>>>);

impl Answers {
    fn one(answer: io::Result<Vec<IpAddr>>) -> Self {
        Self(Mutex::new(vec![answer]))
    }
}

impl Lookup for Answers {
    fn lookup<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let answer = self.0.lock().unwrap().pop().expect("it is asked once for each answer");
        Box::pin(std::future::ready(answer))
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// By an address that is open to nobody, to whom private addresses are open, to everybody.
fn who(text: &str) -> &'static str {
    match (check(ip(text), false).is_ok(), check(ip(text), true).is_ok()) {
        (true, true) => "everybody",
        (false, true) => "private",
        (false, false) => "nobody",
        (true, false) => "nonsense",
    }
}

fn all_are(expected: &str, addresses: &[&str]) {
    for address in addresses {
        assert_eq!(who(address), expected, "{address}");
    }
}

#[test]
fn some_addresses_are_open_to_nobody() {
    all_are(
        "nobody",
        &[
            "169.254.169.254",
            "169.254.0.0",
            "169.254.170.2",
            "169.254.255.255",
            "192.0.0.192",
            "100.100.100.200",
            "168.63.129.16",
            "0.0.0.0",
            "0.255.255.255",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.255",
            "192.88.99.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "febf:ffff::1",
            "fd00:ec2::254",
            "fd00:ec2:ffff::1",
            "fd20:ce::254",
            "ff02::1",
            "64:ff9b:1::1",
            "64:ff9b:1:ffff::a00:1",
            "2001::1",
            "2001:0:7f00:1::",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "5f00::1",
            "100::1",
            "4000::1",
            "1fff::1",
            "fe00::1",
            "8000::1",
        ],
    );
}

#[test]
fn some_addresses_are_open_to_whom_an_operator_opens_them() {
    all_are(
        "private",
        &[
            "127.0.0.1",
            "127.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.1",
            "192.168.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "192.0.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "::1",
            "fc00::1",
            "fdff::1",
            "fd00:ec1::1",
            "fd00:ec3::1",
            "fec0::1",
            "feff::1",
        ],
    );
}

#[test]
fn all_other_addresses_are_open_to_everybody() {
    all_are(
        "everybody",
        &[
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2600:1f18::1",
            "2606:4700::1111",
            "3ffe::1",
            "2001:db7:ffff::1",
            "2001:db9::1",
        ],
    );
}

#[test]
fn an_address_of_ipv6_that_carries_one_of_ipv4_is_what_that_is() {
    let cases = [
        ("169.254.169.254", "nobody", "a9fe:a9fe"),
        ("127.0.0.1", "private", "7f00:1"),
        ("10.0.0.1", "private", "a00:1"),
        ("0.0.0.2", "nobody", "0:2"),
        ("255.255.255.255", "nobody", "ffff:ffff"),
        ("1.1.1.1", "everybody", "101:101"),
    ];
    for (v4, expected, hex) in cases {
        assert_eq!(who(v4), expected, "{v4}");
        for before in ["::ffff:", "::", "::ffff:0:", "64:ff9b::"] {
            for address in [format!("{before}{v4}"), format!("{before}{hex}")] {
                assert_eq!(who(&address), expected, "{address}");
            }
        }
        let six_to_four = format!("2002:{hex}::1");
        assert_eq!(who(&six_to_four), expected, "{six_to_four}");
    }
    // It is not in the last bits there: what stands in these does not matter.
    assert_eq!(who("2002:7f00:1::101:101"), "private");
    assert_eq!(who("2002:101:101::7f00:1"), "everybody");
}

#[test]
fn every_way_to_write_a_host_in_a_url_is_checked() {
    for text in [
        "http://127.0.0.1/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://2130706433/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://%31%32%37.0.0.1/",
        "http://１２７.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://localhost/",
        "http://localhost./",
        "http://LOCALHOST/",
        "http://a.localhost/",
        "http://a.localhost./",
        "http://169.254.169.254/",
        "http://[fd00:ec2::254]/",
    ] {
        let url = url::Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let failure = check_host(&url.host().unwrap(), false).expect_err(text);
        assert_eq!((failure.error.as_str(), failure.passes), ("address_refused", false), "{text}");
    }
    for text in ["http://1.1.1.1/", "http://example.com/", "http://mylocalhost/", "http://localhost.example/"]
    {
        let url = url::Url::parse(text).unwrap();
        check_host(&url.host().unwrap(), false).unwrap_or_else(|failure| panic!("{text}: {failure}"));
    }
}

#[tokio::test]
async fn a_name_is_refused_if_any_of_its_addresses_is() {
    for (found, allowed, expected) in [
        (vec!["1.1.1.1", "10.1.2.3"], false, false),
        (vec!["10.1.2.3", "1.1.1.1"], false, false),
        (vec!["1.1.1.1", "::ffff:10.1.2.3"], false, false),
        (vec!["1.1.1.1", "10.1.2.3"], true, true),
        (vec!["10.1.2.3", "169.254.169.254"], true, false),
        (vec!["1.1.1.1", "2606:4700::1111"], false, true),
    ] {
        let found: Vec<_> = found.into_iter().map(ip).collect();
        let lookup = Answers::one(Ok(found.clone()));
        let given = addresses("db.example", 5432, allowed, &lookup).await;
        if expected {
            let all: Vec<_> = found.into_iter().map(|address| SocketAddr::new(address, 5432)).collect();
            assert_eq!(given, Ok(all));
        } else {
            let failure = given.expect_err("it leads to an address that is refused");
            assert_eq!((failure.error.as_str(), failure.passes), ("address_refused", false));
        }
    }
}

#[tokio::test]
async fn a_refusal_says_why_and_not_which_address() {
    let lookup = Answers::one(Ok(vec![ip("10.1.2.3")]));
    let failure = addresses("intranet.example", 443, false, &lookup).await.unwrap_err();
    assert_eq!(
        failure.message,
        "the name \"intranet.example\" leads to a private address, which only a connection may reach that an operator has opened private \
         addresses to"
    );
}

#[tokio::test]
async fn an_address_is_not_looked_up() {
    let lookup = Answers(Mutex::default());
    assert_eq!(addresses("::1", 80, true, &lookup).await, Ok(vec![SocketAddr::new(ip("::1"), 80)]));
    assert_eq!(addresses("10.0.0.1", 80, false, &lookup).await.unwrap_err().error, "address_refused");
    assert_eq!(
        addresses("::ffff:169.254.169.254", 80, true, &lookup).await.unwrap_err().error,
        "address_refused"
    );
}

#[tokio::test]
async fn this_machine_is_not_looked_up_to_be_refused() {
    let lookup = Answers(Mutex::default());
    for name in ["localhost", "LocalHost.", "a.localhost"] {
        assert_eq!(addresses(name, 80, false, &lookup).await.unwrap_err().error, "address_refused", "{name}");
    }
}

#[tokio::test]
async fn a_name_that_has_no_address_may_have_one_later() {
    for answer in [Ok(Vec::new()), Err(io::Error::other("no such host"))] {
        let failure = addresses("gone.example", 80, false, &Answers::one(answer)).await.unwrap_err();
        assert_eq!((failure.error.as_str(), failure.passes), ("connect", true));
    }
}

#[tokio::test]
async fn the_system_reads_numbers_as_addresses_and_they_are_checked() {
    for host in ["0x7f.1", "2130706433", "127.1"] {
        let failure = addresses(host, 80, false, &System).await.unwrap_err();
        assert!(["address_refused", "connect"].contains(&failure.error.as_str()), "{host}: {failure}");
    }
}
