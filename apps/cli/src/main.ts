import yargs from 'yargs';

/** Runs one command and gives its exit code. */
export async function main(argv: string[]): Promise<number> {
  const parser = yargs()
    .scriptName('gatehouse')
    .usage('$0 <command>\n\nThe command line of Gatehouse.')
    .strict()
    .version(false)
    .exitProcess(false);
  await parser.parseAsync(argv);
  return 0;
}
