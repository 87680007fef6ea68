/** Longest path of an artefact, in UTF-16 units: `PATH_MAX` of Linux. */
const MAX_PATH = 4_096;

/**
 * Why a path cannot be that of an artefact on a host, as the end of a sentence that begins with it; null when it can.
 * It has to be absolute and to name a file; `..` would lead elsewhere than it says, and control characters (NUL among
 * them) end or forge what shows it. Where symbolic links lead is for whoever opens it on the host.
 */
export function pathFault(path: string): string | null {
  if (path.length > MAX_PATH) return `is longer than ${MAX_PATH} characters`;
  if (!path.startsWith('/')) return 'is not absolute; begin it with /';
  if (path.endsWith('/')) return 'names a folder; name a file';
  if (path.split('/').some((part) => part === '..' || part === '.')) return 'holds . or ..; write where it really is';
  if (/\p{Cc}/u.test(path) || !path.isWellFormed()) return 'holds control characters or broken text';
  return null;
}
