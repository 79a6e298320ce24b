import { usageFailure } from '../../failure.js';

/** `NAME` or `NAME=VARIABLE`, as `--secret` takes it. */
export interface WantedVariable {
  readonly name: string;
  readonly variable: string;
}

/** Variables that decide which code a program loads, or that are ours. */
const refusedVariables =
  /^(LD_.*|DYLD_.*|GATEHOUSE_.*|M87_.*|PATH|IFS|ENV|BASH_ENV|SHELLOPTS|PS4|PROMPT_COMMAND|NODE_OPTIONS|NODE_PATH|PYTHON(PATH|HOME|STARTUP)|PERL5?(LIB|OPT|DB)|RUBY(LIB|OPT)|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|GIT_(SSH|SSH_COMMAND|EXEC_PATH|ASKPASS)|EDITOR|PAGER|SHELL|HOME)$/;

/** Keys that open everything their holder may read: the child gets the secrets, not the key to them. */
const credentials = ['GATEHOUSE_API_KEY', 'M87_API_KEY'];

/** @throws Failure for a variable that is none, one that is refused, and one that is wanted twice */
export function parseWanted(texts: readonly string[]): readonly WantedVariable[] {
  const wanted = texts.map((text) => {
    const [name = '', variable = name, ...rest] = text.split('=');
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(variable) || rest.length > 0)
      throw usageFailure(
        `--secret "${name}": what follows = is the name of a variable, in letters, digits and underscores`,
      );
    if (refusedVariables.test(variable))
      throw usageFailure(`--secret "${name}": ${variable} is not set from a secret: it changes how programs run`);
    return { name, variable };
  });
  const repeated = wanted.find(({ variable }, i) => wanted.findIndex((one) => one.variable === variable) !== i);
  if (repeated) throw usageFailure(`${repeated.variable} is wanted from two secrets`);
  return wanted;
}

/**
 * The environment of the child: ours without the keys to Gatehouse, and the secrets.
 *
 * @throws Failure for a value that no environment can hold
 */
export function childEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  values: readonly { readonly variable: string; readonly bytes: Buffer }[],
  keepCredentials: boolean,
): Record<string, string | undefined> {
  const own = Object.entries(env).filter(([name]) => keepCredentials || !credentials.includes(name));
  const secrets = values.map(({ variable, bytes }) => [variable, textOf(variable, bytes)] as const);
  return Object.fromEntries([...own, ...secrets]);
}

function textOf(variable: string, bytes: Buffer): string {
  const hint = 'Use a file: gatehouse secrets mount';
  if (bytes.includes(0)) throw usageFailure(`${variable}: the secret holds a NUL, which no variable can`, hint);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw usageFailure(`${variable}: the secret is not UTF-8, and no variable holds other bytes`, hint);
  }
}
