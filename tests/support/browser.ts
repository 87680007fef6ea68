import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

/** Debian's Chromium; `CHROMIUM` names another one. Only tests import this file. */
const PROGRAM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Why browser tests cannot run here, or null. */
export const NO_BROWSER = existsSync(PROGRAM) ? null : `there is no browser at ${PROGRAM}: install chromium`;

/** A browser without a window, that reaches nothing but this machine. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: PROGRAM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
