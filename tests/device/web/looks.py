"""What is asked of the page from inside: small programs for the browser."""

GRAB = """() => { const v = document.querySelector('.tile[data-large] video'), c = document.createElement('canvas');
  c.width = 160; c.height = 90; c.getContext('2d').drawImage(v, 0, 0, 160, 90);
  return { t: v.currentTime, picture: c.toDataURL() }; }"""
MOVED = "document.querySelector('.tile[data-large] video').currentTime > arg + 0.5"
COLOURED = """() => { const c = document.querySelector('.tile[data-large] .overlay');
  const pen = new OffscreenCanvas(c.width, c.height).getContext('2d', { willReadFrequently: true });
  pen.drawImage(c, 0, 0);
  const { data } = pen.getImageData(0, 0, c.width, c.height);
  let n = 0; for (let i = 3; i < data.length; i += 4) n += data[i] > 200; return n; }"""
LARGE = "document.querySelector('.tile[data-large]')"
PLAYING = f"{LARGE}?.dataset.playing === 'true'"

SKY = """(() => { const v = document.querySelector('.tile[data-large] video'), p = document.createElement('canvas').getContext('2d');
  p.drawImage(v, 0, 0, 160, 90); return p.getImageData(80, 3, 1, 1).data[0]; })()"""  # how red it is

# The middle of the orange figure in the picture, and of the amber box on the canvas, in the same turn, in pixels of the source.
MIDDLES = """() => new Promise(done => {
  const tile = document.querySelector('.tile[data-large]'), video = tile.querySelector('video'), overlay = tile.querySelector('.overlay');
  const pen = new OffscreenCanvas(640, 360).getContext('2d', { willReadFrequently: true });
  const middle = (source, wanted) => {  // of the rows between its head and its feet; the canvas may have bars at its sides
    const width = source.videoWidth ?? Math.min(source.width, source.height * 16 / 9), whole = source.videoWidth ?? source.width;
    pen.clearRect(0, 0, 640, 360);
    pen.drawImage(source, (whole - width) / 2, 0, width, source.videoHeight ?? source.height, 0, 0, 640, 360);
    const { data } = pen.getImageData(0, 232, 640, 8);
    const found = [];
    for (let i = 0; i < data.length; i += 4) if (wanted(data[i], data[i + 1], data[i + 2], data[i + 3])) found.push((i / 4) % 640);
    return (Math.min(...found) + Math.max(...found)) / 2;
  };
  const pairs = [];
  const look = () => {
    const figure = middle(video, (r, g, b) => r > 160 && g > 60 && g < 120 && b < 100);
    requestAnimationFrame(() => {
      pairs.push([figure, middle(overlay, (r, g, b, a) => a > 150 && r > 190 && g > 120 && b < 150)]);
      if (pairs.length < 15) video.requestVideoFrameCallback(look); else done(pairs);
    });
  };
  video.requestVideoFrameCallback(look);
})"""
