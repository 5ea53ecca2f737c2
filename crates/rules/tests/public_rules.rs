//! Rule sets that others published: each rule loads, or is refused with its place.
#![expect(clippy::disallowed_methods, reason = "reads the rule files beside the checkout")]

use std::collections::BTreeMap;
use std::path::Path;

use catspaw_rules::{Builder, Code, Severity, Variables};

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/rules");

#[test]
fn every_rule_loads_or_is_refused_by_name() {
    let mut files = Vec::new();
    for folder in ["", "et-open-2021", "snort29-community"] {
        let Ok(entries) = std::fs::read_dir(Path::new(RULES).join(folder)) else {
            return eprintln!("{RULES} is absent: skipped");
        };
        files.extend(entries.flatten().map(|e| e.path()).filter(|path| path.extension().is_some_and(|e| e == "rules")));
    }
    files.sort();
    for path in files {
        let text = std::fs::read(&path).unwrap();
        let mut builder = Builder::new(Variables::default());
        let loaded = builder.add(&text);
        let mut why: BTreeMap<(Code, &str), usize> = BTreeMap::new();
        for diagnostic in &loaded.diagnostics {
            assert!(diagnostic.line > 0 && diagnostic.span.end <= text.len() && !diagnostic.message.is_empty());
            *why.entry((diagnostic.code, diagnostic.message.as_str())).or_default() += 1;
        }
        assert!(!why.keys().any(|(code, _)| *code == Code::UnknownKeyword), "{}: {why:?}", path.display());
        println!("{}: {} loaded, {} refused", path.display(), loaded.rules, loaded.refused);
        let mut why: Vec<_> = why.into_iter().collect();
        why.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        why.iter().for_each(|((code, message), count)| println!("  {count:5} {}: {message}", code.as_str()));
        assert!(builder.build().is_some());
    }
}

/// Every `test.rules` below a folder.
fn test_rules(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        match path.file_name() {
            Some(name) if name == "test.rules" => found.push(path),
            _ => test_rules(&path, found),
        }
    }
}

#[test]
fn of_the_conformance_rules_only_what_is_not_built_is_refused() {
    let mut files = Vec::new();
    test_rules(&Path::new(RULES).with_file_name("rules-conformance"), &mut files);
    if files.is_empty() {
        return eprintln!("{RULES}-conformance is absent: skipped");
    }
    let mut whole = 0;
    for path in &files {
        let text = std::fs::read(path).unwrap();
        let loaded = Builder::new(Variables::default()).add(&text);
        let errors = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        errors.for_each(|error| {
            assert_eq!(error.code, Code::NotBuilt, "{}", error.render(&path.display().to_string(), &text));
            println!("{}", error.render(&path.display().to_string(), &text));
        });
        whole += usize::from(loaded.refused == 0);
    }
    println!("{whole} of {} conformance rule files load whole", files.len());
}
