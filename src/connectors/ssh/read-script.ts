/**
 * What reads artefacts on a host, in the shell of POSIX: it opens the path once, looks at what was really opened, and streams
 * exactly that. A path that leads over a symbolic link is refused after the open, by the kernel's own name of what was opened:
 * a check before it could be outrun by whoever controls a directory. On hosts where Firebreak is not root, the same text lies as
 * a program (docs/hosts-over-ssh.md). It holds no single quote, so that quoting it is plain to see.
 *
 * The path is the one line of its input. Standard output is the content. Standard error has lines:
 * `head KIND SIZE MTIME CTIME INODE`, then at the end `tail` with the same, `sha256 HEX`, or `refused WHY`.
 */
export const READ_SCRIPT = `
refuse() { echo "refused $1" >&2; exit 65; }
IFS= read -r path || refuse no_path
fd=/proc/self/fd/3
seen() { stat -L -c "%s %Y %Z %d:%i" $fd; }
case "$path" in /*) ;; *) refuse not_absolute ;; esac
[ -L "$path" ] && refuse symlink
[ -e "$path" ] || refuse missing
if [ "$1" = artifact ] && [ -d "$path" ]; then
  cd -P "$path" || refuse denied
  [ "$(pwd -P)" = "$path" ] || refuse symlink
  echo "head directory 0 0 0 -" >&2
  exec tar --create --file=- --format=posix --one-file-system --numeric-owner .
fi
if [ "$1" = image ] && [ -b "$path" ]; then kind=device
elif [ "$1" = image ] && [ -c "$path" ]; then kind=memory
elif [ -f "$path" ]; then kind=file
else refuse special; fi
[ -r "$path" ] || refuse denied
exec 3<"$path"
[ "$(readlink $fd)" = "$path" ] || refuse symlink
if [ "$kind" = file ]; then
  [ -f $fd ] || refuse special
  seen=$(seen) || refuse denied
  size=\${seen%% *}
  echo "head file $seen" >&2
  if [ "$size" -gt 0 ]; then head -c "$size" <&3; else cat <&3; fi || exit 74
  echo "tail file $(seen)" >&2
  if [ "$size" -gt 0 ] && [ "$size" -le 1073741824 ]; then
    sum=$(head -c "$size" <$fd | sha256sum) && echo "sha256 \${sum%% *}" >&2
  fi
  exit 0
fi
[ "$kind" = device ] && { [ -b $fd ] || refuse special; }
size=$(blockdev --getsize64 $fd 2>/dev/null) || size=0
echo "head $kind $size 0 0 -" >&2
dd bs=4194304 status=none <&3
`.trim();
