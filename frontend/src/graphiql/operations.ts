import { Kind, parse } from 'graphql';

/** Whether a document has an operation of this name; one that cannot be parsed may have it. */
export function holdsOperation(query: string, name: string | null | undefined): boolean {
  try {
    return parse(query).definitions.some(
      definition => definition.kind === Kind.OPERATION_DEFINITION && definition.name?.value === name,
    );
  } catch {
    return true;
  }
}
