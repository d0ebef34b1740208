import { useState } from 'react';

import { ScenesDocument } from '../api/generated/graphql';
import { ShowQuery } from '../components/ShowQuery';
import { GettingStarted } from '../scenes/GettingStarted';
import type { Scene } from '../scenes/SceneCard';
import { ScenePage } from '../scenes/ScenePage';
import { useAnyScene } from '../scenes/useAnyScene';
import { useSceneOutline } from '../scenes/useSceneOutline';
import { useWording } from '../texts';

/** What is ingested, and where it is. */
export function ScenesPanel() {
  const { texts } = useWording();
  const any = useAnyScene();
  const [pages, setPages] = useState<(string | undefined)[]>([undefined]);
  const [pointed, setPointed] = useState<Scene>();
  useSceneOutline(pointed);
  if (any === false) return <GettingStarted />;
  const more = (after: string) => setPages([...pages, after]);
  return (
    <>
      <p className="hint">{texts.scenes.order}</p>
      <ul className="scenes">
        {pages.map((after, i) => (
          <ScenePage
            key={after ?? ''}
            after={after}
            onMore={i === pages.length - 1 ? more : undefined}
            onPoint={setPointed}
          />
        ))}
      </ul>
      <ShowQuery operation={ScenesDocument} variables={{ after: pages.at(-1) }} />
    </>
  );
}
