/**
 * Loaded into a server by `node --import`: on a message it tells how long the longest turn of its event loop
 * was since the last one, in milliseconds of its thread's processor time, so that other processes count for nothing.
 */

function read(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function watch(): void {
  let longest = 0;
  let last = read();
  const look = (): void => {
    const now = read();
    longest = Math.max(longest, now - last);
    last = now;
    setImmediate(look);
  };
  look();
  process.on('message', () => {
    process.send?.(longest);
    longest = 0;
  });
}

// Its runners and converters load it too.
if (process.argv[2] === 'serve') watch();
