import { graphql, useRefetchableFragment } from 'react-relay';

import type { TileCardRefetchQuery } from './__generated__/TileCardRefetchQuery.graphql';
import type { TileCard_tile$key } from './__generated__/TileCard_tile.graphql';

/** One tile; its button asks `node` for another cutoff, of this tile alone. */
export function TileCard({ tile }: { tile: TileCard_tile$key }) {
  const [data, refetch] = useRefetchableFragment<TileCardRefetchQuery, TileCard_tile$key>(
    graphql`
      fragment TileCard_tile on Tile
      @refetchable(queryName: "TileCardRefetchQuery")
      @argumentDefinitions(cutoff: { type: "Float" }) {
        quadkey
        classification(cutoff: $cutoff) {
          labels
        }
      }
    `,
    tile,
  );
  const labels = data.classification?.labels.length ?? 'none';
  return (
    <li>
      <button onClick={() => refetch({ cutoff: 0 })}>{data.quadkey}</button> {labels}
    </li>
  );
}
