"""Looks around in an image, by a container of it in which no learner's program runs."""

from collections.abc import Mapping, Sequence

from loguru import logger

from pool import ContainerEngine, EngineError, Image
from runner.container.lockdown import survey_spec
from runner.container.survey import LONGEST_S, MOST_BYTES, Survey, survey_of


class Surveyor:
    """`overlays` are folders that runs in cells may write to, where an image has them."""

    def __init__(
        self,
        engine: ContainerEngine,
        *,
        overlays: Sequence[str],
        labels: Mapping[str, str],
        runtime: str,
    ) -> None:
        self._engine = engine
        self._overlays = tuple(overlays)
        self._labels = dict(labels)
        self._runtime = runtime

    async def survey(self, image: Image, volumes: Sequence[str]) -> Survey:
        """The findings. If no program can be run in the image, there are none.

        Raises EngineError if the fault may be the engine's, and not the image's.
        """
        spec = survey_spec(image, volumes, self._overlays, self._labels, self._runtime)
        try:
            survey = survey_of(await self._engine.output(spec, MOST_BYTES, LONGEST_S))
        except EngineError as error:
            if error.may_pass:
                raise
            return Survey()
        bound = logger.bind(image_id=image.image_id, missing=list(survey.missing))
        if survey.missing:
            bound.warning("an image lacks what every run needs")
        elif not survey.is_whole:
            bound.warning("it is not known where programs may write in an image: no whole survey")
        return survey
