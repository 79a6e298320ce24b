const begin = '# gatehouse: begin';
const end = '# gatehouse: end';
/** `edge-1.gatehouse` is the device `edge-1`. */
export const hostSuffix = '.gatehouse';

/** A word of an ssh configuration: quoted as ssh_config(5) has it. */
function quoted(word: string): string {
  return /^[A-Za-z0-9_./:@%+-]+$/.test(word) ? word : `"${word.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** A word of a shell's line: ProxyCommand is one. Per cent signs are ssh's own. */
const shellWord = (word: string): string => {
  const escaped = word.replaceAll('%', '%%');
  return /^[A-Za-z0-9_./:@%+-]+$/.test(escaped) ? escaped : `'${escaped.replaceAll("'", "'\\''")}'`;
};

/**
 * The part of ~/.ssh/config that leads hosts named `*.gatehouse` through us. The channel below is sealed and the device's key
 * known before ssh begins; its host key is kept in a file of our own, apart from those of other machines.
 */
export function sshSection(program: readonly string[], knownHosts: string): string {
  const command = `${program.map(shellWord).join(' ')} ssh %h --transport`;
  return [
    begin,
    `Host *${hostSuffix}`,
    `  ProxyCommand ${command}`,
    `  UserKnownHostsFile ${quoted(knownHosts)}`,
    '  StrictHostKeyChecking accept-new',
    '  PreferredAuthentications none',
    end,
    '',
  ].join('\n');
}

/** The text without our section. What somebody else wrote stays, byte for byte. */
export function withoutSection(text: string): string {
  const from = text.indexOf(`${begin}\n`);
  const to = from < 0 ? -1 : text.indexOf(`${end}\n`, from);
  if (from < 0 || to < 0) return text;
  return text.slice(0, from) + text.slice(to + end.length + 1);
}

/** First in the file: ssh takes the first value that it finds, and a `Host` section further up would swallow ours. */
export const withSection = (text: string, section: string): string => section + withoutSection(text);

/** @example deviceOfHost('edge-1.gatehouse') // 'edge-1' */
export const deviceOfHost = (host: string): string =>
  host.endsWith(hostSuffix) && host.length > hostSuffix.length ? host.slice(0, -hostSuffix.length) : host;
