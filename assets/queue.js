// Says that the queue has changed, and no more: nothing is loaded, moved or focused by itself, so that no typed word is lost.
// Without this file the page's own link does the same.
(() => {
  const place = document.getElementById('changed');
  if (!place || !window.EventSource) return;
  const stream = new EventSource('/queue/events?since=' + encodeURIComponent(place.dataset.since));
  stream.addEventListener('queue', () => {
    stream.close();
    place.querySelector('[role=status]').textContent = 'The queue has changed.';
    place.classList.add('done');
    document.title = 'Changed: ' + document.title;
  });
  window.addEventListener('pagehide', () => stream.close());
})();
