//! `tidy`: the repository's own rules, one module each, that no general linter knows.
//! It reads the tree and `cargo metadata`; it builds nothing and changes nothing.

mod allow;
mod edge;
mod excerpt;
mod finding;
mod length;
mod machine_path;
mod metadata;
mod module_doc;
mod named_path;
mod scan;
mod tree;

use std::path::Path;

use crate::Failure;
use allow::AllowList;
use metadata::Metadata;
use tree::Tree;

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    let tree = Tree::read(root)?;
    let metadata = Metadata::read(root)?;
    let allow = AllowList::parse(tree.text("xtask/tidy.toml").unwrap_or_default())?;
    let mut findings = edge::check(&metadata, &tree);
    findings.extend(length::check(&tree, &allow));
    findings.extend(named_path::check(&tree, &metadata));
    findings.extend(excerpt::check(&tree));
    findings.extend(module_doc::check(&tree));
    findings.extend(machine_path::check(
        &tree,
        &machine_path::places(root, std::env::home_dir().as_deref()),
    ));
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    println!(
        "tidy: {} files, {} findings",
        tree.files.len(),
        findings.len()
    );
    if findings.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("{} findings", findings.len())))
    }
}
