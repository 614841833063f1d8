from dataclasses import replace

from retrain_assets_tests.backtest.worlds import matrix_recipe


def test_what_changes_a_fit_changes_the_digest(built):
    recipe = matrix_recipe(built[0])
    rate = recipe.recipe.training.model_copy(update={"learning_rate": 0.3})
    assert replace(recipe, training=rate).digest != recipe.digest
    assert replace(recipe, excluded=frozenset({"7"})).digest != recipe.digest
    assert replace(recipe, dated=True).digest != recipe.digest


def test_what_only_chooses_between_fits_does_not(built):
    recipe = matrix_recipe(built[0])
    chooses = recipe.recipe.training.model_copy(update={"switch_gain": 0.5, "threads": 4, "refit": True})
    assert replace(recipe, training=chooses).digest == recipe.digest
    assert recipe.single.training.threads == 1
