import { Provider } from 'urql';

import { client } from './api/client';
import { Header } from './components/Header';
import { AskAgain, ServerBanner } from './components/ServerWatch';
import { JobProvider } from './jobs/JobProvider';
import { Comparison } from './map/Comparison';
import { ModelSwipe } from './map/ModelSwipe';
import { MapProvider } from './map/MapProvider';
import { MapView } from './map/MapView';
import { PANEL_VIEWS } from './panels';
import { DropTarget } from './picture/DropTarget';
import { PictureProvider } from './picture/PictureProvider';
import { EmptyMap } from './scenes/EmptyMap';
import { useAddress } from './state/useAddress';
import { usePageTitle } from './state/usePageTitle';
import { useWording, WordingProvider } from './texts';
import { Tour } from './tour/Tour';
import { TourProvider } from './tour/TourProvider';

/** The page: a map, and a panel beside it. */
export function App() {
  return (
    <Provider value={client}>
      <WordingProvider>
        <JobProvider>
          <MapProvider>
            <PictureProvider>
              <TourProvider>
                <Layout />
              </TourProvider>
            </PictureProvider>
          </MapProvider>
        </JobProvider>
      </WordingProvider>
    </Provider>
  );
}

function Layout() {
  const { texts } = useWording();
  const [address, changeAddress] = useAddress();
  const shown = PANEL_VIEWS.find(({ name }) => name === address.panel) ?? PANEL_VIEWS[0]!;
  usePageTitle();
  return (
    <div className="layout">
      <a className="skip" href="#map">
        {texts.page.skipToMap}
      </a>
      <Header />
      <ServerBanner />
      <nav className="tabs" aria-label={texts.page.panels}>
        {PANEL_VIEWS.map(({ name }) => (
          <button
            key={name}
            type="button"
            aria-current={name === shown.name ? 'page' : undefined}
            onClick={() => changeAddress({ panel: name })}
          >
            {texts.panels[name]}
          </button>
        ))}
      </nav>
      <main className="panel" aria-label={texts.panels[shown.name]}>
        <h2>{texts.panels[shown.name]}</h2>
        <AskAgain>{key => <shown.Panel key={key} />}</AskAgain>
      </main>
      <section id="map" className="map-area" aria-label={texts.page.map}>
        <MapView />
        {address.panel === 'time' && <Comparison />}
        {address.panel === 'models' && address.swipe && <ModelSwipe />}
        <EmptyMap />
      </section>
      <DropTarget />
      <Tour />
    </div>
  );
}
