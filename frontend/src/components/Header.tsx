import { apiUrl } from '../api/client';
import { DownloadButton } from '../download/DownloadButton';
import { LANGUAGES, useWording } from '../texts';
import { useTour } from '../tour/TourProvider';
import { CopyLink } from './CopyLink';
import { Icon } from './Icon';

/** Name of the page, what can be done with all of it, its language, and the way to GraphiQL. */
export function Header() {
  const { texts } = useWording();
  return (
    <header className="header">
      <h1>
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width={24} height={24} />
        <b>earthgql</b>
        <span>{texts.page.tagline}</span>
      </h1>
      <div className="actions">
        <CopyLink />
        <DownloadButton />
        <TourButton />
        <a href={apiUrl('/graphql')}>{texts.page.graphiql}</a>
        <LanguageSelect />
      </div>
    </header>
  );
}

function TourButton() {
  const { texts } = useWording();
  const { start } = useTour();
  return (
    <button
      type="button"
      className="icon"
      aria-label={texts.tour.start}
      title={texts.tour.start}
      onClick={start}
    >
      <Icon name="help" />
    </button>
  );
}

function LanguageSelect() {
  const { texts, language, setLanguage } = useWording();
  return (
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
  );
}
