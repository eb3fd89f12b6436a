"use strict";
// The videos of a sample play together; those out of sight rest.
(() => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const groups = [...document.querySelectorAll(".films")].map((box) => ({ box, films: [...box.querySelectorAll("video")], seen: false }));
  let playing = !calm;
  let rate = 1;

  const apply = (group) => {
    for (const film of group.films) {
      film.playbackRate = rate;
      if (playing && group.seen) film.play().catch(() => {});
      else film.pause();
    }
  };
  const align = (group) => {
    const [first, ...rest] = group.films;
    for (const film of rest) {
      if (Math.abs(film.currentTime - first.currentTime) > 0.08) film.currentTime = first.currentTime;
    }
  };
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const group = groups.find((one) => one.box === entry.target);
      group.seen = entry.isIntersecting;
      apply(group);
    }
  });
  for (const group of groups) {
    watcher.observe(group.box);
    group.films[0].addEventListener("timeupdate", () => align(group));
    for (const film of group.films) film.addEventListener("loadedmetadata", () => apply(group));
  }

  const press = (id, act) => {
    const button = document.getElementById(id);
    if (!button) return;
    const show = () => button.setAttribute("aria-pressed", String(act(false)));
    button.addEventListener("click", () => {
      act(true);
      show();
      groups.forEach(apply);
    });
    show();
  };
  press("pause", (turn) => {
    if (turn) playing = !playing;
    return !playing;
  });
  press("slow", (turn) => {
    if (turn) rate = rate === 1 ? 0.5 : 1;
    return rate !== 1;
  });
})();
