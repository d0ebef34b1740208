import { apiUrl } from '../api/client';
import { LANGUAGES, useWording } from '../texts';

/** Name of the page, its language, and the way to GraphiQL. */
export function Header() {
  const { texts, language, setLanguage } = useWording();
  return (
    <header className="header">
      <h1>
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width={24} height={24} />
        earthgql
        <span>{texts.page.tagline}</span>
      </h1>
      <div className="actions">
        <a href={apiUrl('/graphql')}>{texts.page.graphiql}</a>
        <select
          aria-label={texts.page.chooseLanguage}
          value={language}
          onChange={event => setLanguage(event.target.value)}
        >
          {Object.entries(LANGUAGES).map(([code, { language: name }]) => (
            <option key={code} value={code} lang={code}>
              {name}
            </option>
          ))}
        </select>
      </div>
    </header>
  );
}
