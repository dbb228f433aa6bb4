# LibTorch out of an installed Python wheel, as the target finewatt_torch.
#
# The wheel's own TorchConfig.cmake is not used: in a CUDA wheel it stops when no CUDA toolkit
# (nvcc) is installed, even if only the CPU part is wanted. The wheel's layout (include/, lib/) is
# the same in CPU and CUDA builds, so the target is made here from the files themselves.
#
# FINEWATT_TORCH_DIR: the folder .../site-packages/torch. Empty: the virtual environment that
# scripts/setup makes (build/venv, or FINEWATT_VENV).
set(FINEWATT_TORCH_DIR "" CACHE PATH "Folder of the installed torch wheel (…/site-packages/torch)")
set(FINEWATT_TORCH_MINIMUM 2.11)

if(NOT FINEWATT_TORCH_DIR)
    set(finewatt_venv "$ENV{FINEWATT_VENV}")
    if(NOT finewatt_venv)
        set(finewatt_venv "${CMAKE_SOURCE_DIR}/build/venv")
    endif()
    file(GLOB finewatt_torch_candidates "${finewatt_venv}/lib/python3*/site-packages/torch")
    list(LENGTH finewatt_torch_candidates finewatt_torch_count)
    if(finewatt_torch_count EQUAL 0)
        message(FATAL_ERROR
            "LibTorch: expected the torch wheel in ${finewatt_venv}, found none. "
            "Run scripts/setup, name another folder with -DFINEWATT_TORCH_DIR=…/site-packages/torch, "
            "or build without the engine: cmake --preset light.")
    endif()
    list(GET finewatt_torch_candidates 0 finewatt_torch_found)
    set(FINEWATT_TORCH_DIR "${finewatt_torch_found}" CACHE PATH "" FORCE)
endif()

foreach(file include/torch/csrc/api/include/torch/torch.h lib/libtorch_cpu.so lib/libc10.so version.py)
    if(NOT EXISTS "${FINEWATT_TORCH_DIR}/${file}")
        message(FATAL_ERROR "LibTorch: ${FINEWATT_TORCH_DIR}/${file} is missing; "
            "FINEWATT_TORCH_DIR must be the folder of an installed torch wheel.")
    endif()
endforeach()
file(STRINGS "${FINEWATT_TORCH_DIR}/version.py" finewatt_torch_line REGEX "^__version__")
string(REGEX REPLACE "^[^'\"]*['\"]([^'\"]+)['\"].*" "\\1" FINEWATT_TORCH_VERSION "${finewatt_torch_line}")
string(REGEX REPLACE "\\+.*" "" finewatt_torch_number "${FINEWATT_TORCH_VERSION}")
if(finewatt_torch_number VERSION_LESS FINEWATT_TORCH_MINIMUM)
    message(FATAL_ERROR "LibTorch: version ${FINEWATT_TORCH_MINIMUM} or later is needed, "
        "found ${FINEWATT_TORCH_VERSION} in ${FINEWATT_TORCH_DIR}.")
endif()

find_package(OpenMP REQUIRED COMPONENTS CXX)

# The wheel's include folder also holds copies of fmt, glog, pybind11 and others, in versions that
# differ from the system's; whoever includes <fmt/format.h> would get the wheel's header and the
# system's library. So only LibTorch's own folders are shown to the compiler.
set(finewatt_torch_include "${CMAKE_BINARY_DIR}/torch_include")
file(REMOVE_RECURSE "${finewatt_torch_include}")
file(MAKE_DIRECTORY "${finewatt_torch_include}")
foreach(folder ATen c10 caffe2 torch)
    if(EXISTS "${FINEWATT_TORCH_DIR}/include/${folder}")
        file(CREATE_LINK "${FINEWATT_TORCH_DIR}/include/${folder}"
            "${finewatt_torch_include}/${folder}" SYMBOLIC)
    endif()
endforeach()

add_library(finewatt_torch INTERFACE)
target_include_directories(finewatt_torch SYSTEM INTERFACE
    "${finewatt_torch_include}" "${finewatt_torch_include}/torch/csrc/api/include")
target_link_directories(finewatt_torch INTERFACE "${FINEWATT_TORCH_DIR}/lib")
# libtorch.so itself is left out: it only gathers libtorch_cpu.so and, in a CUDA wheel, libtorch_cuda.so.
# A CUDA wheel's libtorch_cpu.so needs CUDA libraries of other wheels, found at run time through the
# wheel's own rpath, so the linker must not insist on resolving them.
target_link_libraries(finewatt_torch INTERFACE torch_cpu c10)
target_link_options(finewatt_torch INTERFACE
    -Wl,--allow-shlib-undefined "-Wl,-rpath,${FINEWATT_TORCH_DIR}/lib")
# ATen's own headers include one operator each then, instead of all two thousand.
target_compile_definitions(finewatt_torch INTERFACE AT_PER_OPERATOR_HEADERS)
# The OpenMP runtime is the wheel's own, where it brings one: two pools of threads in one process
# would fight for the cores.
target_compile_options(finewatt_torch INTERFACE ${OpenMP_CXX_FLAGS})
file(GLOB finewatt_torch_gomp "${FINEWATT_TORCH_DIR}/lib/libgomp*.so*")
if(finewatt_torch_gomp)
    target_link_libraries(finewatt_torch INTERFACE ${finewatt_torch_gomp})
else()
    target_link_libraries(finewatt_torch INTERFACE OpenMP::OpenMP_CXX)
endif()
