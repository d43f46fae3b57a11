/** A folder for one test, gone when it ends. */
export class TemporaryFolder implements Disposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync());

  /** The absolute path of something in the folder. */
  at(path: string): string {
    return `${this.path}/${path}`;
  }

  /** Writes a file, and its folders where they are missing. */
  write(path: string, content: string | Uint8Array): void {
    const slash = path.lastIndexOf("/");
    if (slash >= 0) Deno.mkdirSync(this.at(path.slice(0, slash)), { recursive: true });
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    Deno.writeFileSync(this.at(path), bytes);
  }

  text(path: string): string {
    return Deno.readTextFileSync(this.at(path));
  }

  bytes(path: string): Uint8Array {
    return Deno.readFileSync(this.at(path));
  }

  exists(path: string): boolean {
    try {
      Deno.lstatSync(this.at(path));
      return true;
    } catch {
      return false;
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }

  /** Files in it that this process has open; Linux alone says so. */
  get openFileCount(): number {
    let count = 0;
    for (const { name } of Deno.readDirSync("/proc/self/fd")) {
      try {
        if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(`${this.path}/`)) count++;
      } catch {
        // The descriptor of the listing itself is gone.
      }
    }
    return count;
  }
}
