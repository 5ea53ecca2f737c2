//! Running other programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a task failed, for the person who ran it.
#[derive(Debug)]
pub(crate) struct Failure(String);

pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Says of an I/O error what was being done.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl std::fmt::Display) -> Result<T>;
}

impl<T, E: std::fmt::Display> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl std::fmt::Display) -> Result<T> {
        self.map_err(|error| format!("{what}: {error}").into())
    }
}

/// The checkout's root.
pub(crate) fn root() -> PathBuf {
    // At run time, not `env!`: a binary that was built for another checkout and is found in a shared target
    // directory must not work on that one.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("xtask"), PathBuf::from);
    here.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Data and tools that lie beside the checkout and are no part of it, where they are there.
pub(crate) fn shared() -> Option<PathBuf> {
    let shared = root().parent()?.join("shared");
    shared.join("tools").join("views.sh").is_file().then_some(shared)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from))
}

/// `cargo` in the root, without input.
pub(crate) fn cargo<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words).current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs it to its end; anything but success is a failure.
pub(crate) fn run(command: &mut Command) -> Result {
    let shown = show(command);
    let status = command.status().doing(&shown)?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed ({status})").into()) }
}

/// What it prints on standard output; anything but success is a failure.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.stderr(Stdio::inherit()).output().doing(&shown)?;
    if !output.status.success() {
        return Err(format!("`{shown}` failed ({})", output.status).into());
    }
    String::from_utf8(output.stdout).doing(shown)
}

/// The command as one would type it.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Whether `program` can be found.
pub(crate) fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Sees to it that programs are there, by Debian's packages of the same names where one is missing and we may.
pub(crate) fn need(programs: &[&str]) -> Result {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !found(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !found("apt-get") {
        return Err(format!("please install {list}").into());
    }
    println!("installing {list}");
    install(&missing, None)
}

/// Installs Debian packages, from `release` where that is another than the system's own.
pub(crate) fn install(packages: &[&str], release: Option<&str>) -> Result {
    run(Command::new("apt-get").args(["-qq", "update"]).stdin(Stdio::null()))?;
    let mut install = Command::new("apt-get");
    install
        .args(["-qq", "-y", "--no-install-recommends"])
        .args(release.map(|release| ["-t", release]).iter().flatten());
    install.arg("install").args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    run(install.stdin(Stdio::null()).stdout(Stdio::null()))
        .map_err(|failure| format!("{failure}: please install {}", packages.join(" ")).into())
}

/// The same, and keeps what is installed from starting: Debian's daemons do, unless this file says that they must not.
pub(crate) fn install_quietly(packages: &[&str]) -> Result {
    use std::os::unix::fs::PermissionsExt;

    let policy = Path::new("/usr/sbin/policy-rc.d");
    if policy.exists() {
        return install(packages, None);
    }
    fs::write(policy, "#!/bin/sh\nexit 101\n").doing(policy.display())?;
    let installed = fs::set_permissions(policy, fs::Permissions::from_mode(0o755))
        .doing(policy.display())
        .and_then(|()| install(packages, None));
    fs::remove_file(policy).doing(policy.display())?;
    installed
}

/// Sees to it that a cargo subcommand is there, built from its sources where it is missing.
pub(crate) fn need_cargo(subcommand: &str) -> Result {
    if found(subcommand) || home_bin(subcommand).is_some_and(|path| path.is_file()) {
        return Ok(());
    }
    println!("{subcommand} is not installed: building it, which takes some minutes once");
    // Without optimisation: it builds in half the time, and checks a tree of some hundred crates as fast.
    run(&mut cargo(["install", "--quiet", "--locked", "--debug", subcommand]))
}

fn home_bin(program: &str) -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    Some(home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?.join("bin").join(program))
}
