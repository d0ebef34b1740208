/** What the tests ask beyond the collection; their types are generated. */
import { graphql } from './generated';

export const PAGE = graphql(`
  # A page of tiles.
  query Page($bounds: BoundsInput!, $scene: String!, $first: Int!, $after: String) {
    tilesInBounds(bounds: $bounds, scene: $scene, first: $first, after: $after) {
      edges {
        cursor
        node {
          id
          quadkey
          classification {
            labels
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const PAGE_BEFORE = graphql(`
  # A page of tiles from the end.
  query PageBefore($bounds: BoundsInput!, $scene: String!, $last: Int!, $before: String) {
    tilesInBounds(bounds: $bounds, scene: $scene, last: $last, before: $before) {
      totalCount
      nodes {
        id
      }
      pageInfo {
        hasPreviousPage
        startCursor
      }
    }
  }
`);

export const TILE = graphql(`
  # One tile by its id.
  query OneTile($id: ID!) {
    node(id: $id) {
      id
      ... on Tile {
        quadkey
        scene {
          id
          name
        }
      }
    }
  }
`);

export const PLACE = graphql(`
  # What is at a place.
  query PointLabels($lat: Float!, $lon: Float!) {
    classifyPoint(lat: $lat, lon: $lon) {
      labels
    }
  }
`);

export const START = graphql(`
  # Classify a rectangle in the background.
  mutation Start($bounds: BoundsInput!) {
    classifyArea(bounds: $bounds) {
      id
      status
    }
  }
`);

export const PROGRESS = graphql(`
  # How far a job is.
  query Progress($id: ID!) {
    job(id: $id) {
      id
      status
      total
      done
    }
  }
`);
