const NAME = 'key';

/**
 * The key that lets this page see and do things. The page that came with the token holds it; the browser keeps it for further pages
 * of this server alone, unlike a cookie, which all servers of this machine are sent.
 */
export const key: string = (() => {
  const given = document.querySelector<HTMLMetaElement>('meta[name="key"]');
  given?.remove();
  try {
    if (given) localStorage.setItem(NAME, given.content);
    return given?.content ?? localStorage.getItem(NAME) ?? '';
  } catch {
    // A browser that keeps nothing: this page works until it is left.
    return given?.content ?? '';
  }
})();
