//! Programs that run whatever they are told to: of them only the version and the help are harmless.
//!
//! # Not here
//! Programs with a few options that do so: [`known`](super).

use super::{Guard, Known, Writes};

const fn anything(names: &'static [&'static str], reason: &'static str) -> Known {
    Known {
        names,
        guard: Guard::RunsAnything,
        writes: Writes::Here,
        has_long_single_dash: false,
        ignores_separator: false,
        has_script: false,
        has_dashless_bundle: false,
        subcommands: &[],
        leading_options: &[],
        reason,
    }
}

/// By what makes them run something.
pub(super) static RUNNERS: &[Known] = &[
    // Shells and interpreters.
    anything(
        &["sh", "bash", "dash", "zsh", "fish", "ksh", "csh", "tcsh", "ash", "pwsh"],
        "runs whatever its arguments or files say",
    ),
    anything(
        &["python", "perl", "ruby", "node", "nodejs", "deno", "bun", "lua", "luajit", "php"],
        "runs whatever its arguments or files say",
    ),
    anything(
        &["awk", "gawk", "mawk", "nawk", "tclsh", "expect", "guile", "java", "jshell", "R"],
        "runs programs in its own language, which can run others",
    ),
    anything(
        &["mksh", "yash", "rbash", "nu", "elvish", "xonsh", "pypy", "ipython", "Rscript", "julia"],
        "runs whatever its arguments or files say",
    ),
    anything(
        &["bash-static", "zsh-static", "dash-static", "posh", "original-awk", "js", "jruby"],
        "runs whatever its arguments or files say",
    ),
    anything(
        &["octave", "gnuplot", "m4", "dc", "sqlite3", "erl", "elixir", "ghci", "runghc", "racket"],
        "runs programs in its own language, which can run others",
    ),
    // Programs that run the program they are given.
    anything(
        &["env", "xargs", "nohup", "timeout", "nice", "ionice", "time", "watch", "parallel"],
        "runs the program it is given",
    ),
    anything(
        &["setsid", "stdbuf", "flock", "script", "busybox", "toybox", "chroot", "unshare"],
        "runs the program it is given",
    ),
    anything(
        &["nsenter", "setpriv", "capsh", "chrt", "taskset", "strace", "ltrace", "gdb"],
        "runs or takes over the program it is given",
    ),
    anything(
        &["tmux", "screen", "bwrap", "proot", "fakeroot", "valgrind", "perf", "entr"],
        "runs the program it is given",
    ),
    anything(
        &["sudo", "doas", "su", "pkexec", "runuser", "run0"],
        "runs programs as somebody else",
    ),
    anything(
        &["at", "batch", "crontab", "systemd-run", "systemctl"],
        "runs programs later, outside of this call",
    ),
    anything(
        &["prlimit", "setarch", "linux32", "linux64", "i386", "x86_64", "uname26", "choom"],
        "runs the program it is given",
    ),
    anything(
        &["run-parts", "start-stop-daemon", "cpulimit", "numactl", "eatmydata", "faketime"],
        "runs the program it is given",
    ),
    anything(
        &["runcon", "sg", "dbus-run-session", "xvfb-run", "ssh-agent", "rlwrap", "ld.so"],
        "runs the program it is given",
    ),
    anything(
        &["git-shell", "git-upload-pack", "git-receive-pack", "git-upload-archive", "scalar"],
        "runs the hooks, and what the configuration names, of the repository it is given",
    ),
    anything(
        &["gitk", "tig", "hg", "svn", "cvs", "bzr", "brz", "fossil", "darcs", "jj"],
        "runs programs named by its options and its configuration",
    ),
    anything(
        &["chronic", "ifne", "pee", "vidir", "vipe", "unbuffer", "dtach", "abduco"],
        "runs the program it is given",
    ),
    anything(
        &["hyperfine", "watchexec", "torify", "torsocks", "proxychains", "ccache", "distcc"],
        "runs the program it is given",
    ),
    anything(
        &["firejail", "systemd-nspawn", "systemd-inhibit", "systemd-cat", "machinectl", "cgexec"],
        "runs the program it is given",
    ),
    anything(
        &["logsave", "uclampset", "setpgid", "aa-exec", "openvt", "ldd", "lldb", "gdbserver", "rr"],
        "runs or takes over the program it is given",
    ),
    anything(
        &["xdg-open", "gio", "busctl", "dbus-send", "gdbus", "service", "logrotate", "msgexec"],
        "runs programs, or has others run them",
    ),
    anything(
        &["gpg", "gpg2", "gpgsm", "gpgconf", "sshpass", "ip", "tcpdump", "mail", "mailx", "mutt"],
        "runs programs named by its options and what it is told",
    ),
    anything(
        &["rename", "prename", "file-rename", "exiftool", "prove"],
        "runs programs in its own language, which can run others",
    ),
    // Programs that run what a project or an image tells them to.
    anything(
        &["make", "gmake", "ninja", "cmake", "meson", "just", "ant", "mvn", "gradle"],
        "runs what the project's files say",
    ),
    anything(
        &[
            "cargo", "npm", "npx", "yarn", "pnpm", "pip", "pipx", "uv", "uvx", "bunx", "gem",
            "bundle", "go",
        ],
        "runs what packages bring along",
    ),
    anything(
        &[
            "gcc",
            "g++",
            "cc",
            "c++",
            "cpp",
            "c89",
            "c99",
            "gfortran",
            "clang",
            "clang++",
            "clang-cpp",
            "javac",
        ],
        "runs the programs, and loads the code, that its options and files name (-B, -wrapper, \
         -fplugin)",
    ),
    anything(
        &["ld", "ld.bfd", "ld.gold", "ld.lld", "as", "ar", "nm", "ranlib", "strip", "objcopy"],
        "loads code (--plugin), and takes options from files (@)",
    ),
    anything(
        &["rustc", "rustdoc", "rustup", "zig", "swift", "ghc", "cabal", "stack", "dotnet", "tcc"],
        "runs the programs, and loads the code, that its options and files name",
    ),
    anything(
        &[
            "rake",
            "scons",
            "bazel",
            "pytest",
            "tox",
            "pre-commit",
            "composer",
            "poetry",
            "conda",
            "ctest",
        ],
        "runs what the project's files say",
    ),
    anything(
        &[
            "tex", "latex", "pdftex", "pdflatex", "xelatex", "lualatex", "luatex", "latexmk",
            "groff",
        ],
        "runs what documents and options name",
    ),
    anything(
        &["pandoc", "convert", "magick", "mogrify", "identify", "montage", "composite", "gs"],
        "runs what documents, options and names of files (`|id`) say",
    ),
    anything(
        &[
            "psql",
            "mysql",
            "mariadb",
            "mlr",
            "yq",
            "xsltproc",
            "ansible",
            "ansible-playbook",
            "terraform",
            "vagrant",
        ],
        "runs programs in its own language, which read and write any file or run others",
    ),
    anything(
        &["cpio", "bsdcpio", "pax", "rmt", "mt"],
        "takes names of files from its input, and logs in to what stands before a colon",
    ),
    anything(
        &["fzf", "ack", "ack-grep", "ag", "ugrep", "ug", "bat", "batcat"],
        "runs programs named by its options and settings (--pager, --filter, --preview)",
    ),
    anything(&["openssl"], "loads code (-engine, -provider-path), and connects anywhere"),
    anything(
        &["dpkg", "dpkg-deb", "apt", "apt-get", "aptitude", "rpm", "dnf", "yum", "apk", "pacman"],
        "runs what packages bring along, and what its options name",
    ),
    anything(
        &["docker", "podman", "nerdctl", "kubectl", "lxc"],
        "starts whole systems, with any directory of this one",
    ),
    anything(
        &["qemu"],
        "starts programs of other machines, or whole systems with any file of this one",
    ),
    // Network.
    anything(
        &["ssh", "scp", "sftp", "rsync", "nc", "ncat", "socat", "telnet", "ftp"],
        "connects anywhere, past the grants for hosts",
    ),
    anything(
        &["nc.openbsd", "nc.traditional", "netcat", "rsh", "rlogin", "rcp", "lftp", "tftp"],
        "connects anywhere, past the grants for hosts",
    ),
    anything(
        &["curl", "wget", "aria2c"],
        "connects anywhere and writes files; the http_fetch tool goes through the grants for hosts",
    ),
    // Editors and pagers.
    anything(
        &["vi", "vim", "nvim", "nano", "emacs", "ed", "ex"],
        "runs commands and writes files from within",
    ),
    anything(
        &["vim.basic", "vim.tiny", "vim.nox", "vim.gtk3", "vim.athena", "vimdiff", "view"],
        "runs commands and writes files from within",
    ),
    anything(
        &["rvim", "rview", "gvim", "emacs-gtk", "emacs-nox", "emacs-lucid", "emacsclient"],
        "runs commands and writes files from within",
    ),
    anything(
        &["editor", "sensible-editor", "select-editor", "pico", "joe", "jed", "mg", "ne"],
        "runs commands and writes files from within",
    ),
    anything(
        &["pager", "sensible-pager", "lesspipe", "lessfile", "see", "run-mailcap", "edit"],
        "runs commands from within, and those that the environment and settings name",
    ),
    anything(
        &["less", "more", "most", "man", "info"],
        "runs commands from within, and those that environment variables name",
    ),
];
