//! The order of the rooms, as src/lib.rs states it, and no circles: a file uses only rooms above its own in that
//! table, and within a room no files use each other in a ring. A `pub use` in a room's mod.rs is a line of its map: who
//! takes the name from there uses the file behind it. No type name means two things, and no two files share one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A module as a path from the crate's root: `["programs", "wire"]`.
type Module = Vec<String>;

/// Every module below `folder` with its source, tests and comments cut.
fn modules(folder: &Path, above: &[String], found: &mut BTreeMap<Module, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name().into_string().expect("UTF-8"));
        let stem = name.trim_end_matches(".rs");
        let module = if stem == "mod" { above.to_vec() } else { [above, &[stem.to_owned()]].concat() };
        if path.is_dir() {
            modules(&path, &module, found);
        } else if name.ends_with(".rs") && !(above.is_empty() && ["lib", "main"].contains(&stem)) {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let code = text.split("\nmod tests {").next().unwrap_or_default();
            let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
            found.insert(module, lines.collect::<Vec<_>>().join("\n"));
        }
    }
}

/// The paths that begin at the start of `text`: `a::{b, c::d}` is two.
fn paths<'t>(text: &'t str, begun: &[String], found: &mut Vec<Module>) -> &'t str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let path = [begun, &[name.to_owned()][..usize::from(!name.is_empty())]].concat();
    let Some(rest) = rest.strip_prefix("::") else {
        found.push(path);
        return rest;
    };
    let Some(mut rest) = rest.strip_prefix('{') else { return paths(rest, &path, found) };
    while !rest.is_empty() && !rest.starts_with('}') {
        rest = paths(rest.trim_start_matches([' ', '\n', ',']), &path, found).trim_start_matches([' ', '\n', ',']);
        // `as Name`
        rest = rest.strip_prefix("as ").map_or(rest, |name| name.trim_start_matches(|c| !",}".contains(c)));
    }
    rest
}

/// The paths in some code, from the crate's root: `crate::…`, `super::…`, and a module's children by name.
fn named(module: &Module, code: &str, all: &BTreeMap<Module, String>) -> Vec<Module> {
    let mut found = Vec::new();
    let begins = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    let mut read = |name: &str, above: &[String]| {
        for (at, _) in code.match_indices(&format!("{name}::")).filter(|(at, _)| begins(*at)) {
            paths(&code[at..], above, &mut found);
        }
    };
    read("crate", &[]);
    read("super", module);
    for child in all.keys().filter(|child| child.len() == module.len() + 1 && child.starts_with(module)) {
        read(child.last().expect("a name"), module);
    }
    for path in &mut found {
        while let Some(at) = path.iter().position(|name| name == "super") {
            path.drain(at.saturating_sub(1)..=at);
        }
        path.retain(|name| name != "crate");
    }
    found
}

/// The map of a module: what its `pub use` lines name.
fn map(code: &str) -> (Vec<&str>, String) {
    let is_map = |item: &&str| ["pub use ", "pub(crate) use ", "pub(super) use "].iter().any(|u| item.starts_with(u));
    let (map, rest): (Vec<&str>, Vec<&str>) = code.split_inclusive(";\n").partition(|i| is_map(&i.trim_start()));
    (map, rest.concat())
}

/// The modules that a module uses.
fn used(module: &Module, code: &str, all: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let file = |path: &Module| (1..=path.len()).rev().map(|n| path[..n].to_vec()).find(|m| all.contains_key(m));
    let behind = |path: Module| {
        let Some(owner) = file(&path) else { return path };
        let Some(name) = path.get(owner.len()) else { return path };
        let exported = map(&all[&owner]).0.iter().flat_map(|line| named(&owner, line, all)).collect::<Vec<_>>();
        exported.into_iter().find(|exported| exported.last() == Some(name)).unwrap_or(path)
    };
    let paths = named(module, &map(code).1, all).into_iter();
    paths.filter_map(|path| file(&behind(path))).filter(|target| target != module).collect()
}

/// The rooms of lib.rs's table, in order.
fn order() -> Vec<String> {
    let lib = include_str!("../src/lib.rs");
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    let rooms = rows.flat_map(|row| row.split(" | ").next().unwrap_or_default().split(", "));
    rooms.map(|room| room.trim_matches(['[', ']', '`']).to_owned()).collect()
}

/// Every module of the crate with its code.
fn source() -> BTreeMap<Module, String> {
    let mut all = BTreeMap::new();
    modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut all);
    all
}

fn uses() -> BTreeMap<Module, BTreeSet<Module>> {
    let all = source();
    all.iter().map(|(module, code)| (module.clone(), used(module, code, &all))).collect()
}

#[test]
fn a_room_uses_only_the_rooms_above_it() {
    let order = order();
    let place = |module: &Module| order.iter().position(|room| *room == module[0]);
    let mut wrong = Vec::new();
    for (module, used) in uses() {
        let here = place(&module).unwrap_or_else(|| panic!("lib.rs's table lacks {}", module[0]));
        let up = used.iter().filter(|target| target[0] != module[0] && place(target) >= Some(here));
        wrong.extend(up.map(|target| format!("{} uses {}", module.join("::"), target.join("::"))));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn within_a_room_no_files_use_each_other_in_a_ring() {
    let mut left = uses();
    left.iter_mut().for_each(|(module, used)| used.retain(|target| target[0] == module[0]));
    loop {
        let done: Vec<Module> = left.iter().filter(|(_, used)| used.is_empty()).map(|(m, _)| m.clone()).collect();
        if done.is_empty() {
            break;
        }
        left.retain(|module, _| !done.contains(module));
        left.values_mut().for_each(|used| used.retain(|target| !done.contains(target)));
    }
    let name = |(module, used): (&Module, &BTreeSet<Module>)| {
        format!("{} -> {}", module.join("::"), used.iter().map(|m| m.join("::")).collect::<Vec<_>>().join(", "))
    };
    assert!(left.is_empty(), "{:#?}", left.iter().map(name).collect::<Vec<_>>());
}

#[test]
fn the_map_in_the_pages_has_the_rooms_of_the_code_in_order() {
    for page in ["docs/house.md", "docs/zh/house.md"] {
        let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).expect("a page");
        let rooms = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        assert_eq!(rooms.collect::<Vec<_>>(), order());
    }
}

/// Names that more than one of `all` has, from what each is called.
fn twice<'a>(all: impl Iterator<Item = (&'a str, &'a Module)>) -> BTreeMap<&'a str, BTreeSet<String>> {
    let mut owners: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, module) in all {
        owners.entry(name).or_default().insert(module.join("::"));
    }
    owners.retain(|_, owners| owners.len() > 1);
    owners
}

/// The name of the type that a line of code defines. An associated type has its trait's name for it.
fn defined(line: &str) -> Option<&str> {
    let item = line.trim_start();
    let item = match item.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => item,
    };
    let (keyword, rest) = item.split_once(' ')?;
    let alias = keyword == "type" && !line.starts_with(' ');
    (alias || ["struct", "enum", "union", "trait"].contains(&keyword))
        .then(|| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
}

#[test]
fn a_type_name_means_one_thing() {
    let one_thing = [
        ("Host", "the same where there is no link"),
        ("Link", "the same where there is no link"),
        ("Result", "each room's, with its own error, as in std::io"),
        ("Running", "the same where there are no process groups"),
        ("Unavailable", "the same where there is no link"),
    ];
    let all = source();
    let types = all.iter().flat_map(|(module, code)| code.lines().filter_map(defined).map(move |name| (name, module)));
    let mut twice = twice(types);
    let needless: Vec<_> = one_thing.iter().filter(|(name, _)| twice.remove(name).is_none()).collect();
    assert!(twice.is_empty() && needless.is_empty(), "{twice:#?}, no longer twice: {needless:?}");
}

#[test]
fn a_file_name_says_where_a_line_lives() {
    let both_told = [
        ("check", "the command, and what must be true of a line of a recording"),
        ("exec", "the command, and the program that it starts"),
        ("get", "the command, and the program that it starts"),
        ("options", "the options of `run`, and of `cost`"),
        ("over_tcp", "each program over its two transports"),
        ("over_udp", "each program over its two transports"),
        ("put", "the command, and the program that it starts"),
        ("serve", "the command, and the program that it starts"),
        ("talk", "the command, and the program that it starts"),
        ("watch", "the command, and the room that it opens"),
    ];
    let all = source();
    let mut twice = twice(all.keys().filter_map(|module| Some((module.last()?.as_str(), module))));
    let needless: Vec<_> = both_told.iter().filter(|(name, _)| twice.remove(name).is_none()).collect();
    assert!(twice.is_empty() && needless.is_empty(), "{twice:#?}, no longer twice: {needless:?}");
}
