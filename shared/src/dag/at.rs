//! Where in a spec a check is.

use std::fmt;

/// A place in a JSON document: cheap to extend on the way down, written as a JSON pointer (RFC 6901) only where something is wrong.
#[derive(Clone, Copy)]
pub(crate) enum At<'a> {
    /// The document.
    Root,
    /// A field of an object.
    Key(&'a At<'a>, &'a str),
    /// An item of a list.
    Index(&'a At<'a>, usize),
}

impl<'a> At<'a> {
    /// The field of this name.
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        At::Key(self, key)
    }

    /// The item with this index.
    pub(crate) fn index(&'a self, index: usize) -> Self {
        At::Index(self, index)
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Root => Ok(()),
            At::Key(parent, key) => write!(f, "{parent}/{}", escape(key)),
            At::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// A key as a JSON pointer writes it.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_a_json_pointer() {
        assert_eq!(At::Root.to_string(), "");
        let (steps, third);
        steps = At::Root.key("steps");
        third = steps.index(2);
        assert_eq!(third.key("a/b~c").to_string(), "/steps/2/a~1b~0c");
    }
}
