// Calibrations as people read them.
#pragma once

#include "finewatt/record/calibration.h"
#include "finewatt/study/calibrations.h"

#include <cstddef>
#include <string>

namespace finewatt::app {

/// One calibration whole: where it holds, its figures, the pairs it rests on.
std::string view_of(const IdleBaseline& baseline, std::size_t width);
std::string view_of(const WallCalibration& calibration, std::size_t width);

/// One line for each, newest first.
std::string list_view(const StoredCalibrations& stored, std::size_t width);

/// The same as one JSON document: a list of objects.
std::string list_json(const StoredCalibrations& stored);

}  // namespace finewatt::app
