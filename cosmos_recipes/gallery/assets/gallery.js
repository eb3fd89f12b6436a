// The filter of the first page, whose state is in the address, and films that play where nobody asked for stillness.
const filter = document.getElementById("cr-filter")

if (filter) {
  const cards = [...document.querySelectorAll(".cr-card")]
  const has = (element, words) => words.every(word => element.toLowerCase().includes(word))

  const fits = (way, said) =>
    (!said.family || way.dataset.family === said.family) &&
    (!said.memory || (way.dataset.memory !== "" && Number(way.dataset.memory) <= Number(said.memory)))

  const show = () => {
    const said = Object.fromEntries(new FormData(filter))
    const words = said.words.toLowerCase().split(/\s+/).filter(Boolean)
    let count = 0
    for (const card of cards) {
      const ways = [...card.querySelectorAll(".cr-ways li")]
      for (const way of ways) way.hidden = !(fits(way, said) && has(card.dataset.words + " " + way.dataset.words, words))
      card.hidden = (said.task && card.dataset.task !== said.task) || (said.schema && card.dataset.schema !== said.schema) ||
        ways.every(way => way.hidden)
      count += !card.hidden
    }
    document.getElementById("cr-count").value = count === 1 ? "1 recipe" : `${count} recipes`
    document.getElementById("cr-empty").hidden = count > 0
    const kept = new URLSearchParams(Object.entries(said).filter(([, value]) => value))
    history.replaceState(null, "", `#${kept}`)
  }

  const read = () => {
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
      if (filter.elements[name]) filter.elements[name].value = value
    }
    show()
  }

  filter.addEventListener("input", show)
  filter.addEventListener("submit", event => event.preventDefault())
  for (const button of document.querySelectorAll("[data-cr-clear]")) {
    button.addEventListener("click", () => {
      filter.reset()
      show()
    })
  }
  addEventListener("hashchange", read)
  if (location.hash.length > 1) read()

  for (const card of cards) {
    const video = card.querySelector("video")
    if (!video) continue
    card.addEventListener("pointerenter", () => video.play())
    card.addEventListener("pointerleave", () => video.pause())
    card.addEventListener("focusin", () => video.play())
    card.addEventListener("focusout", () => video.pause())
  }
}

if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
  const seen = new IntersectionObserver(entries => {
    for (const { target, isIntersecting } of entries) isIntersecting ? target.play() : target.pause()
  })
  document.querySelectorAll("video[data-cr-autoplay]").forEach(video => seen.observe(video))
}
