//! The header `traceparent` of the W3C's [Trace Context](https://www.w3.org/TR/trace-context/): which span a request belongs to.

use std::fmt;

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};

/// The header, and the attribute of messages.
pub const NAME: &str = "traceparent";

/// One that is right, in version 00: `00-<trace>-<span>-<flags>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Traceparent(SpanContext);

impl Traceparent {
    /// What a request has. None also if it has several, or one that is wrong: whoever finds such a thing begins a trace of its own.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut all = headers.get_all(NAME).iter();
        let one = all.next()?;
        if all.next().is_some() {
            return None;
        }
        Self::read(one.to_str().ok()?)
    }

    /// From its text. One of a version that is still to come is read as far as this version reaches.
    pub fn read(text: &str) -> Option<Self> {
        let (version, rest) = text.split_at_checked(2)?;
        let (fields, more) = rest.split_at_checked(53)?;
        let fits = match version {
            "00" => more.is_empty(),
            "ff" => false,
            _ => hex(version) && (more.is_empty() || more.starts_with('-')),
        };
        let mut parts = fields.strip_prefix('-')?.split('-');
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        let lengths = trace.len() == 32 && span.len() == 16 && flags.len() == 2;
        if !(fits && lengths && [trace, span, flags].into_iter().all(hex)) {
            return None;
        }
        let context = SpanContext::new(
            TraceId::from_hex(trace).ok()?,
            SpanId::from_hex(span).ok()?,
            TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
            true,
            TraceState::NONE,
        );
        // Neither may be zero.
        context.is_valid().then_some(Self(context))
    }

    /// The parent of what comes next.
    pub(super) fn parent(&self) -> Context {
        Context::new().with_remote_span_context(self.0.clone())
    }
}

/// Digits and small letters: capitals are none.
fn hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(context) = self;
        write!(f, "00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8())
    }
}

impl fmt::Debug for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// That of the span that this is part of. None where none is made.
pub fn current() -> Option<Traceparent> {
    Context::map_current(|context| {
        let context = context.span().span_context().clone();
        context.is_valid().then_some(Traceparent(context))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn read(text: &str) -> Option<String> {
        Traceparent::read(text).map(|traceparent| traceparent.to_string())
    }

    #[test]
    fn what_is_right_is_passed_on_as_it_came() {
        for flags in ["00", "01", "02", "03", "ff"] {
            let text = format!("00-{TRACE}-{SPAN}-{flags}");
            assert_eq!(read(&text).as_deref(), Some(text.as_str()));
        }
    }

    #[test]
    fn one_of_a_later_version_is_read_as_far_as_this_one_reaches() {
        let known = format!("00-{TRACE}-{SPAN}-01");
        for text in [format!("01-{TRACE}-{SPAN}-01"), format!("cc-{TRACE}-{SPAN}-01-and-more")] {
            assert_eq!(read(&text).as_deref(), Some(known.as_str()), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        let zeros = |count: usize| "0".repeat(count);
        for text in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-01 "),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("FE-{TRACE}-{SPAN}-01"),
            format!("0g-{TRACE}-{SPAN}-01"),
            format!("01-{TRACE}-{SPAN}-01more"),
            format!("00-{}-{SPAN}-01", zeros(32)),
            format!("00-{TRACE}-{}-01", zeros(16)),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-0A"),
            format!("00-{TRACE}-{SPAN}-+1"),
            format!("00-{SPAN}-{TRACE}-01"),
            format!("00_{TRACE}_{SPAN}_01"),
            format!("00-{TRACE}-{}é-01", &SPAN[2..]),
            format!("00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01"),
        ] {
            assert_eq!(read(&text), None, "{text}");
        }
    }

    #[test]
    fn a_request_with_two_of_them_has_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(Traceparent::of(&headers), None);
        headers.append(NAME, format!("00-{TRACE}-{SPAN}-01").parse().unwrap());
        assert!(Traceparent::of(&headers).is_some());
        headers.append(NAME, format!("00-{TRACE}-{SPAN}-01").parse().unwrap());
        assert_eq!(Traceparent::of(&headers), None);
        headers.insert(NAME, http::HeaderValue::from_bytes(&[0xff]).unwrap());
        assert_eq!(Traceparent::of(&headers), None);
    }

    #[test]
    fn where_no_span_is_made_there_is_none() {
        assert_eq!(current(), None);
    }
}
