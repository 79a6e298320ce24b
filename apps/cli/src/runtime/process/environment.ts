import { randomUUID } from 'node:crypto';

/** What of the runtime's own environment a program gets: all else may hold keys, or is systemd's word to the runtime alone. */
const passedOn = /^(HOME|USER|LOGNAME|MAIL|PATH|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|XDG_RUNTIME_DIR)$/;
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Account {
  readonly name: string;
  readonly home: string;
}

export interface ProgramEnvironment {
  readonly account: Account;
  readonly shell: string;
  /** Of the client: language and time zone. */
  readonly wanted?: Readonly<Record<string, string>> | undefined;
  readonly terminal?: string | undefined;
  readonly mark: string;
}

/** The environment of a program that somebody runs here. */
export function programEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  { account, shell, wanted, terminal, mark }: ProgramEnvironment,
): Record<string, string> {
  const kept = Object.entries(own).filter((pair): pair is [string, string] => passedOn.test(pair[0]) && !!pair[1]);
  const [name, value] = mark.split('=') as [string, string];
  return {
    PATH: defaultPath,
    ...Object.fromEntries(kept),
    ...wanted,
    ...{ HOME: account.home, USER: account.name, LOGNAME: account.name, SHELL: shell },
    ...(terminal !== undefined && { TERM: terminal }),
    [name]: value,
  };
}

const markName = 'GATEHOUSE_SESSION';

/** One per program, since streams of one session share its grant; it is no secret. */
export const newMark = (tag: string): string => `${markName}=${tag}.${randomUUID()}`;
/** What the marks of all programs of a runtime begin with. */
export const markStart = (tag: string): string => `${markName}=${tag}.`;
