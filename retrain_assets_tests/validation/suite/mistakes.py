"""The mistakes of a version by pandas, the largest first."""

import numpy as np
import pandas as pd


def mistakes(world, version, weeks):
    """Error and key of every parcel of some weeks as a version scored it, the largest error first, by pandas."""
    rows = pd.read_parquet(world.folder / "rows.parquet").set_index("id")
    scored = world.store.read_table("predictions", weeks).to_pandas()
    scored = scored[scored.version == version]
    label = rows.minutes.loc[scored.id].to_numpy()
    errors = pd.DataFrame({"id": scored.id.astype(str), "error": np.abs(scored.score.to_numpy() - label)})
    return errors.sort_values("error", ascending=False)
