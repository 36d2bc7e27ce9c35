//! Escapes and numbers in the text of JSON that cannot be kept as they are.

/// Text that jsonb takes, if it is JSON at all, and how often something in it was replaced or is noteworthy.
pub(super) struct Rewritten {
    pub text: String,
    /// Escapes of NUL.
    pub nul: usize,
    /// Escapes of half a character.
    pub surrogates: usize,
    /// Numbers that became strings, since no double holds them.
    pub quoted: usize,
    /// Numbers with more digits than a double has, which are as they were.
    pub long: usize,
}

/// Replaces the escapes and the numbers that cannot be kept. Text that is no JSON comes out as it is, or as other text that is none.
pub(super) fn rewrite(text: &str) -> Rewritten {
    let mut out =
        Rewritten { text: String::with_capacity(text.len()), nul: 0, surrogates: 0, quoted: 0, long: 0 };
    let mut rest = text;
    let mut in_string = false;
    while let Some(first) = rest.bytes().next() {
        let taken = match first {
            b'"' => {
                in_string = !in_string;
                out.plain(rest, 1)
            }
            b'\\' if in_string => out.escape(rest),
            b'-' | b'0'..=b'9' if !in_string => out.number(rest),
            _ => {
                let ends =
                    |c: char| c == '"' || c == '\\' || (!in_string && (c == '-' || c.is_ascii_digit()));
                let end =
                    rest.char_indices().skip(1).find(|&(_, c)| ends(c)).map_or(rest.len(), |(at, _)| at);
                out.plain(rest, end)
            }
        };
        rest = &rest[taken..];
    }
    out
}

impl Rewritten {
    fn plain(&mut self, rest: &str, bytes: usize) -> usize {
        self.text.push_str(&rest[..bytes]);
        bytes
    }

    /// An escape at the beginning of `rest`; returns how much of it was read.
    fn escape(&mut self, rest: &str) -> usize {
        let Some(code) = code_unit(rest) else {
            let end = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
            return self.plain(rest, end);
        };
        match code {
            0 => {
                self.nul += 1;
                self.text.push_str("\\u2400");
                6
            }
            0xD800..0xDC00
                if rest.get(6..).and_then(code_unit).is_some_and(|low| (0xDC00..0xE000).contains(&low)) =>
            {
                self.plain(rest, 12)
            }
            0xD800..0xE000 => {
                self.surrogates += 1;
                self.text.push_str("\\ufffd");
                6
            }
            _ => self.plain(rest, 6),
        }
    }

    /// A number at the beginning of `rest`; returns how much of it was read.
    fn number(&mut self, rest: &str) -> usize {
        let end =
            rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let token = &rest[..end];
        let Ok(double) = token.parse::<f64>() else { return self.plain(rest, end) };
        let mantissa = token.split(['e', 'E']).next().unwrap_or_default();
        let is_zero = !mantissa.contains(|c: char| matches!(c, '1'..='9'));
        if double.is_infinite() || (double == 0.0 && !is_zero) {
            self.quoted += 1;
            self.text.push('"');
            self.text.push_str(token);
            self.text.push('"');
            return end;
        }
        let is_short = token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok();
        let digits = mantissa.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
        if !is_short && digits > 17 {
            self.long += 1;
        }
        self.plain(rest, end)
    }
}

/// The code unit of a `\uXXXX` at the beginning.
fn code_unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        u32::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}
