import { graphql, useLazyLoadQuery, usePaginationFragment } from 'react-relay';

import { TileCard } from './TileCard';
import type { TilesInViewPageQuery } from './__generated__/TilesInViewPageQuery.graphql';
import type { TilesInViewQuery } from './__generated__/TilesInViewQuery.graphql';
import type { TilesInView_query$key } from './__generated__/TilesInView_query.graphql';

/** The tiles of a viewport, a page at a time. */
export function TilesInView({ bounds, scene }: TilesInViewQuery['variables']) {
  const query = useLazyLoadQuery<TilesInViewQuery>(
    graphql`
      query TilesInViewQuery($bounds: BoundsInput!, $scene: String!) {
        ...TilesInView_query @arguments(bounds: $bounds, scene: $scene)
      }
    `,
    { bounds, scene },
  );
  return <Tiles query={query} />;
}

function Tiles({ query }: { query: TilesInView_query$key }) {
  const { data, hasNext, isLoadingNext, loadNext } = usePaginationFragment<
    TilesInViewPageQuery,
    TilesInView_query$key
  >(
    graphql`
      fragment TilesInView_query on Query
      @refetchable(queryName: "TilesInViewPageQuery")
      @argumentDefinitions(
        bounds: { type: "BoundsInput!" }
        scene: { type: "String!" }
        count: { type: "Int", defaultValue: 8 }
        cursor: { type: "String" }
      ) {
        tilesInBounds(bounds: $bounds, scene: $scene, first: $count, after: $cursor)
          @connection(key: "TilesInView_tilesInBounds") {
          edges {
            node {
              id
              ...TileCard_tile
            }
          }
        }
      }
    `,
    query,
  );
  return (
    <>
      <ul>
        {data.tilesInBounds?.edges.map(({ node }) => <TileCard key={node.id} tile={node} />)}
      </ul>
      <button disabled={!hasNext || isLoadingNext} onClick={() => loadNext(8)}>
        more
      </button>
    </>
  );
}
