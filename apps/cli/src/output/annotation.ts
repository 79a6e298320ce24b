/** Something found in a file. Lines and columns count from 1. */
export interface Annotated {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: 'error' | 'warning';
  readonly title: string;
  readonly text: string;
}

/** A workflow command of GitHub; what would end it is escaped as its runner expects. */
export function annotation({ file, line, column, severity, title, text }: Annotated): string {
  const data = (part: string) => part.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const property = (part: string) => data(part).replaceAll(':', '%3A').replaceAll(',', '%2C');
  return `::${severity} file=${property(file)},line=${line},col=${column},title=${property(title)}::${data(text)}`;
}
