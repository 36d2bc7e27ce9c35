//! The console's own checks and its build, in `console/`.

use anyhow::{Context as _, Result, bail};

use crate::node::Node;
use crate::paths::Dirs;

/// Everything that `console/` has for itself: formatting and lints, a client made from `docs/openapi.json`, types, the bundle and how large it is, and the
/// tests of what needs no page. Installs what `console/package-lock.json` pins, unless it is there. Fails when one of these does.
pub async fn check(dirs: &Dirs) -> Result<()> {
    let folder = dirs.root().join("console");
    let node = Node::ensure(dirs).await?;
    node.packages(&folder).await?;
    let mut npm = node.npm(&folder)?;
    if !npm.args(["run", "check"]).status().await.context("cannot start npm")?.success() {
        bail!("`npm run check` failed in console/; what it printed above says why");
    }
    Ok(())
}
