/** A thing in a folder. */
export interface FolderItem {
  readonly name: string;
  readonly kind: 'file' | 'folder';
}

/** How files are read: a manifest names some, and discovery looks through a folder. */
export interface Files {
  /** The text of a file; undefined where there is none. Throws `manifest.too-large`, `manifest.unreadable`. */
  readText(path: string, maxBytes: number): string | undefined;
  /** What a folder holds, by name, without symbolic links to folders; undefined where it is no folder. */
  list(path: string): readonly FolderItem[] | undefined;
}

/** Reads the text of an OpenAPI document, for somebody else as well: gives its value, undefined where it cannot. */
export type ReadApi = (text: string) => unknown;
