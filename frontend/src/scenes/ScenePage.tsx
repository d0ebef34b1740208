import { useQuery } from 'urql';

import { ScenesDocument } from '../api/generated/graphql';
import { problemOf } from '../api/problem';
import { Loading, ProblemNotice } from '../components/Notice';
import { useWording } from '../texts';
import { SceneCard, type Scene } from './SceneCard';

interface ScenePageProps {
  /** The cursor behind which the page begins. */
  after: string | undefined;
  /** Called with the cursor of the next page, when the reader asks for it. */
  onMore: ((after: string) => void) | undefined;
  onPoint: (scene: Scene | undefined) => void;
}

/** A page of the list of scenes, as items of a list. */
export function ScenePage({ after, onMore, onPoint }: ScenePageProps) {
  const { texts } = useWording();
  const [{ data, error }, ask] = useQuery({ query: ScenesDocument, variables: { after } });
  const page = data?.scenes;
  if (!page) {
    const retry = () => ask({ requestPolicy: 'network-only' });
    return <li>{error ? <ProblemNotice problem={problemOf(error)} retry={retry} /> : <Loading />}</li>;
  }
  const { hasNextPage, endCursor } = page.pageInfo;
  return (
    <>
      {page.nodes.map(scene => (
        <SceneCard key={scene.id} scene={scene} onPoint={onPoint} />
      ))}
      {onMore && hasNextPage && endCursor && (
        <li>
          <button type="button" onClick={() => onMore(endCursor)}>
            {texts.scenes.more}
          </button>
        </li>
      )}
    </>
  );
}
